#include "log/compression.hpp"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>

#include <tidemill/base/assert.hpp>

#include "base/endian.hpp"

namespace tidemill {
namespace {

Error corrupt(const char* codec) {
  return Error{ErrorKind::kCorruption, std::string("record batch: the compressed records are not valid ") + codec};
}

Bytes gzip(BytesView bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  TIDEMILL_ASSERT(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes out(deflateBound(&stream, bytes.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&stream, Z_FINISH);
  TIDEMILL_ASSERT(status == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Result<Bytes> gunzip(BytesView bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return corrupt("gzip");
  Bytes out;
  char chunk[65536];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof chunk;
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(chunk, sizeof chunk - stream.avail_out);
    if (out.size() > kDecompressedBytesMax) break;
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) return corrupt("gzip");
  return out;
}

Result<Bytes> unsnappy_block(BytesView bytes) {
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size) || size > kDecompressedBytesMax) {
    return corrupt("snappy");
  }
  Bytes out(size, '\0');
  if (!snappy::RawUncompress(bytes.data(), bytes.size(), out.data())) return corrupt("snappy");
  return out;
}

// Java frames snappy as xerial does: a magic, two versions, then blocks with a length each.
constexpr BytesView kXerialMagic("\x82SNAPPY\0", 8);
constexpr std::size_t kXerialHeader = 16;

Result<Bytes> unsnappy(BytesView bytes) {
  if (!bytes.starts_with(kXerialMagic)) return unsnappy_block(bytes);
  if (bytes.size() < kXerialHeader) return corrupt("snappy");
  bytes.remove_prefix(kXerialHeader);
  Bytes out;
  while (!bytes.empty()) {
    if (bytes.size() < 4) return corrupt("snappy");
    const auto size = load_big_endian<std::uint32_t>(bytes.data());
    bytes.remove_prefix(4);
    if (size > bytes.size()) return corrupt("snappy");
    TIDEMILL_ASSIGN(const Bytes block, unsnappy_block(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    out += block;
    if (out.size() > kDecompressedBytesMax) return corrupt("snappy");
  }
  return out;
}

Bytes snappy_compress(BytesView bytes) {
  Bytes block;
  snappy::Compress(bytes.data(), bytes.size(), &block);
  Bytes out(kXerialMagic);
  append_big_endian<std::int32_t>(out, 1);
  append_big_endian<std::int32_t>(out, 1);
  append_big_endian<std::uint32_t>(out, static_cast<std::uint32_t>(block.size()));
  out += block;
  return out;
}

Bytes lz4(BytesView bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // the only mode that Java reads
  Bytes out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const std::size_t size = LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  TIDEMILL_ASSERT(LZ4F_isError(size) == 0);
  out.resize(size);
  return out;
}

Result<Bytes> unlz4(BytesView bytes) {
  LZ4F_dctx* context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) != 0) return corrupt("lz4");
  Bytes out;
  char chunk[65536];
  std::size_t hint = 1;
  while (hint != 0) {
    std::size_t produced = sizeof chunk;
    std::size_t consumed = bytes.size();
    hint = LZ4F_decompress(context, chunk, &produced, bytes.data(), &consumed, nullptr);
    if (LZ4F_isError(hint) != 0 || (produced == 0 && consumed == 0)) break;
    out.append(chunk, produced);
    bytes.remove_prefix(consumed);
    if (out.size() > kDecompressedBytesMax) break;
  }
  LZ4F_freeDecompressionContext(context);
  if (hint != 0) return corrupt("lz4");
  return out;
}

Bytes zstd(BytesView bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3);
  TIDEMILL_ASSERT(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

Result<Bytes> unzstd(BytesView bytes) {
  ZSTD_DStream* stream = ZSTD_createDStream();
  Bytes out;
  char chunk[65536];
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::size_t left = 1;
  while (left != 0) {
    ZSTD_outBuffer buffer{chunk, sizeof chunk, 0};
    left = ZSTD_decompressStream(stream, &buffer, &in);
    if (ZSTD_isError(left) != 0) break;
    out.append(chunk, buffer.pos);
    if (out.size() > kDecompressedBytesMax || (buffer.pos == 0 && in.pos == in.size)) break;
  }
  ZSTD_freeDStream(stream);
  if (left != 0) return corrupt("zstd");
  return out;
}

}  // namespace

std::optional<Compression> compression_by_name(std::string_view name) {
  if (name == "none" || name == "uncompressed" || name == "producer") return Compression::kNone;
  if (name == "gzip") return Compression::kGzip;
  if (name == "snappy") return Compression::kSnappy;
  if (name == "lz4") return Compression::kLz4;
  if (name == "zstd") return Compression::kZstd;
  return std::nullopt;
}

Bytes compress(Compression codec, BytesView bytes) {
  switch (codec) {
    case Compression::kGzip: return gzip(bytes);
    case Compression::kSnappy: return snappy_compress(bytes);
    case Compression::kLz4: return lz4(bytes);
    case Compression::kZstd: return zstd(bytes);
    case Compression::kNone: break;
  }
  return Bytes(bytes);
}

Result<Bytes> decompress(Compression codec, BytesView bytes) {
  switch (codec) {
    case Compression::kGzip: return gunzip(bytes);
    case Compression::kSnappy: return unsnappy(bytes);
    case Compression::kLz4: return unlz4(bytes);
    case Compression::kZstd: return unzstd(bytes);
    case Compression::kNone: return Bytes(bytes);
  }
  return corrupt("codec number");
}

}  // namespace tidemill
