// parse_contract on arbitrary bytes: an InputError, or a contract whose inputs add up and that comes back from its own file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "data/contract.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  coppice::DataContract contract;
  try {
    contract = coppice::parse_contract({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const coppice::InputError&) {
    return 0;
  }
  contract.spec.check();
  std::int64_t features = 0;
  for (const coppice::ContractInput& input : contract.inputs) features += input.features();
  if (!contract.inputs.empty() && features != contract.spec.shape[0]) std::abort();
  if (coppice::parse_contract(coppice::to_json(contract), "own").digest() != contract.digest()) std::abort();
  return 0;
}
