// Where data files are looked for, and how they are read whether gzipped or not.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coppice {

// An absolute path stays. A relative one is looked for in $COPPICE_DATA_DIR and then in the current folder; InputError
// naming both where neither has it. "file" also stands for "file.gz".
std::string resolve_data_path(const std::string& path);

// The first of `folders` that holds `file` or `file`.gz; InputError naming `source` and every folder where none does.
std::string folder_with(const std::string& file, const std::vector<std::string>& folders, const std::string& source);

// $COPPICE_DATA_DIR/name, or "" where the variable is not set.
std::string in_data_dir(const std::string& name);

// Whether `path` or `path`.gz exists.
bool has_data_file(const std::string& path);

// `path`, or `path`.gz where only that exists.
std::string plain_or_gzip(const std::string& path);

// The content of a file, inflated where its first bytes say gzip.
std::vector<std::byte> read_data_file(const std::string& path);

}  // namespace coppice
