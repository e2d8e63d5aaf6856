// Where a run's data comes from: the built-in sources, and those that a program adds.
#pragma once

#include <variant>

#include "data/cifar10_source.h"
#include "data/csv_source.h"
#include "data/custom_source.h"
#include "data/fashion_mnist_source.h"
#include "data/idx_source.h"
#include "data/loaded_data.h"
#include "data/mnist_by_writer_source.h"
#include "data/shard_source.h"

namespace coppice {

using SourceConfig = std::variant<FashionMnistSource, MnistByWriterSource, Cifar10Source, IdxSource, CsvSource,
                                  ShardSource, Custom<DataSource>>;

// Throws InputError where the data is absent, damaged or contradicts itself, or where train and test differ in what an
// example is.
LoadedData load_data(const SourceConfig& source);

}  // namespace coppice
