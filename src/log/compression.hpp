// The four codecs of record batches: gzip, snappy (raw or xerial framing), lz4 frames, zstd.
#pragma once

#include "log/record_batch_codec.hpp"

namespace tidemill {

/// By Kafka's name in compression.type: none, uncompressed, gzip, snappy, lz4, zstd; nullopt: no such codec.
[[nodiscard]] std::optional<Compression> compression_by_name(std::string_view name);
[[nodiscard]] Bytes compress(Compression codec, BytesView bytes);
/// kCorruption: not this codec's bytes, or more than kDecompressedBytesMax.
[[nodiscard]] Result<Bytes> decompress(Compression codec, BytesView bytes);

}  // namespace tidemill
