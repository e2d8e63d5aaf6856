// The sections of report.html, in the order a person reads them. Each gives "" where the run has no such figures.
#pragma once

#include <string>

#include "coordinator/report/run_record.h"

namespace coppice {

std::string header_section(const RunRecord& run);      // what it is, the verdict, the main figures
std::string variants_section(const RunRecord& run);    // the closing table
std::string curves_section(const RunRecord& run);      // accuracy, loss, bytes over rounds
std::string tradeoff_section(const RunRecord& run);    // quality against latency, file bytes, FLOPs
std::string kept_section(const RunRecord& run);        // kept fraction of each layer
std::string mask_section(const RunRecord& run);        // the picture of the mask
std::string fusion_section(const RunRecord& run);      // candidates and which was chosen
std::string costs_section(const RunRecord& run);       // bytes and seconds
std::string errors_section(const RunRecord& run);      // confusion, calibration, spread over clients
std::string provenance_section(const RunRecord& run);  // seed, digests, fingerprint, resolved config

}  // namespace coppice
