// Values to JSON, by their tables. Compact; a value's bytes are always the same.
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tidemill/serde_json/json_serde.hpp>

#include "serde_json/json_place.hpp"
#include "serde_json/json_text.hpp"

namespace tidemill::detail {
namespace {

constexpr std::size_t kNumberChars = 32;

class Writer {
 public:
  Writer(const JsonOptions& options, Bytes& out) : options_(options), out_(out) {}

  void write(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    switch (type.kind) {
      case JsonKind::kBool: out_ += *static_cast<const bool*>(value) ? "true" : "false"; return;
      case JsonKind::kInteger:
        if (type.is_signed) return number(type.load(value));
        return number(static_cast<std::uint64_t>(type.load(value)));
      case JsonKind::kNumber: return real(type, value, place);
      case JsonKind::kText: return text(*static_cast<const std::string*>(value), place);
      case JsonKind::kName: return name(type, value, place);
      case JsonKind::kOptional: return optional(type, value, place, depth);
      case JsonKind::kList: return list(type, value, place, deeper(depth, place));
      case JsonKind::kMap: return map(type, value, place, deeper(depth, place));
      case JsonKind::kObject: return object(type, value, place, deeper(depth, place));
      case JsonKind::kConverted: return converted(type, value, place, depth);
    }
  }

 private:
  [[noreturn]] static void fail(const JsonPlace* place, const std::string& what) {
    const std::string where = to_string(place);
    throw SerializationException("JSON: " + (where.empty() ? std::string() : where + ": ") + what);
  }
  static int deeper(int depth, const JsonPlace* place) {
    if (depth >= kJsonDepthMax) fail(place, "more than " + std::to_string(kJsonDepthMax) + " levels");
    return depth + 1;
  }

  template <class Number>
  void number(Number value) {
    char digits[kNumberChars];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  void real(const JsonType& type, const void* value, const JsonPlace* place) {
    const double wide = type.bytes == sizeof(float) ? static_cast<double>(*static_cast<const float*>(value))
                                                    : *static_cast<const double*>(value);
    if (!std::isfinite(wide)) fail(place, "JSON has no number for infinity, nor for what is none");
    // The shortest that reads as the same one.
    if (type.bytes == sizeof(float)) return number(static_cast<float>(wide));
    number(wide);
  }
  void text(const std::string& value, const JsonPlace* place) {
    if (!simdjson::validate_utf8(value)) fail(place, "the text is not UTF-8");
    append_json_text(value, out_);
  }
  void name(const JsonType& type, const void* value, const JsonPlace* place) {
    const std::int64_t number_of = type.load(value);
    for (const JsonName& name : type.names) {
      if (name.value == number_of) return append_json_text(name.name, out_);
    }
    fail(place, "the value " + std::to_string(number_of) + " has no name");
  }
  void optional(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    const void* content = type.content(value);
    if (content == nullptr) {
      out_ += "null";
    } else {
      write(type.element(), content, place, depth);
    }
  }

  void object(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    out_ += '{';
    bool first = true;
    for (const JsonField& field : type.fields) {
      const JsonType& of_field = field.type();
      const void* member = field.member(const_cast<void*>(value));  // the reader's function, which only looks
      if (options_.nulls == JsonNulls::kLeaveOut && of_field.kind == JsonKind::kOptional &&
          of_field.content(member) == nullptr) {
        continue;
      }
      if (!first) out_ += ',';
      first = false;
      append_json_text(field.name, out_);
      out_ += ':';
      const JsonPlace inside{place, field.name};
      write(of_field, member, &inside, depth);
    }
    out_ += '}';
  }

  struct Elements {
    Writer& writer;
    const JsonType& element;
    JsonPlace place;
    int depth;
    bool first = true;
    void begin() {
      if (!first) writer.out_ += ',';
      first = false;
    }
  };
  void list(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    Elements elements{*this, type.element(), {place, {}, 0, JsonPlace::Kind::kIndex}, depth};
    out_ += '[';
    type.visit(value, &elements, [](void* context, const std::string*, const void* element) {
      Elements& own = *static_cast<Elements*>(context);
      own.begin();
      own.writer.write(own.element, element, &own.place, own.depth);
      ++own.place.index;
    });
    out_ += ']';
  }
  void entry(Elements& elements, const std::string& key, const void* element) {
    elements.begin();
    elements.place.name = key;
    text(key, &elements.place);
    out_ += ':';
    write(elements.element, element, &elements.place, elements.depth);
  }
  void map(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    Elements elements{*this, type.element(), {place, {}, 0, JsonPlace::Kind::kKey}, depth};
    out_ += '{';
    if (type.is_ordered) {
      type.visit(value, &elements, [](void* context, const std::string* key, const void* element) {
        Elements& own = *static_cast<Elements*>(context);
        own.writer.entry(own, *key, element);
      });
    } else {
      using Entry = std::pair<const std::string*, const void*>;
      std::vector<Entry> entries;
      type.visit(value, &entries, [](void* context, const std::string* key, const void* element) {
        static_cast<std::vector<Entry>*>(context)->emplace_back(key, element);
      });
      std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return *a.first < *b.first; });
      for (const auto& [key, element] : entries) entry(elements, *key, element);
    }
    out_ += '}';
  }

  void converted(const JsonType& type, const void* value, const JsonPlace* place, int depth) {
    struct Use {
      Writer& writer;
      const JsonType& other;
      const JsonPlace* place;
      int depth;
    } use{*this, type.element(), place, depth};
    try {
      type.convert_out(value, &use, [](void* context, const void* other) {
        const Use& own = *static_cast<const Use*>(context);
        own.writer.write(own.other, other, own.place, own.depth);
      });
    } catch (const SerializationException&) {
      throw;
    } catch (const std::exception& refused) {
      fail(place, refused.what());
    }
  }

  const JsonOptions& options_;
  Bytes& out_;
};

}  // namespace

void append_json_text(std::string_view text, Bytes& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, begin, i - begin);
    begin = i + 1;
    out += '\\';
    switch (c) {
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case '\b': out += 'b'; break;
      case '\f': out += 'f'; break;
      case '\n': out += 'n'; break;
      case '\r': out += 'r'; break;
      case '\t': out += 't'; break;
      default:
        out += "u00";
        out += kHex[c >> 4U];
        out += kHex[c & 15U];
    }
  }
  out.append(text, begin);
  out += '"';
}

void write_json(const JsonType& type, const void* value, const JsonOptions& options, Bytes& out) {
  const std::size_t before = out.size();
  try {
    Writer(options, out).write(type, value, nullptr, 0);
  } catch (...) {
    out.resize(before);
    throw;
  }
}

}  // namespace tidemill::detail
