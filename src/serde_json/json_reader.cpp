// JSON to values, by their tables, on simdjson's on-demand parser. That one looks only at what it is asked for; as a topic's
// bytes are anybody's, everything is asked for here, what is ignored as well: text that is no JSON is never taken.
//
// A thread has one parser, which keeps its buffers; a conversion that reads JSON itself, inside, gets another one.
#include <simdjson.h>

#include <algorithm>
#include <bitset>
#include <charconv>
#include <tidemill/serde_json/json_serde.hpp>

#include "serde_json/json_place.hpp"

namespace tidemill::detail {
namespace {

namespace ondemand = simdjson::ondemand;

/// What a thread keeps of its parser's memory when a large text has been read.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

struct Parser {
  ondemand::parser parser;
  std::string padded;
  bool busy = false;
};

/// Spaces that JSON has between tokens.
std::string_view trimmed(std::string_view token) {
  const std::size_t last = token.find_last_not_of(" \t\n\r");
  return token.substr(0, last == std::string_view::npos ? 0 : last + 1);
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

enum class NumberForm : std::uint8_t { kNone, kWhole, kReal };
/// RFC 8259's grammar; from_chars takes more than that.
NumberForm form_of(std::string_view token) {
  std::size_t at = token.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < token.size() && is_digit(token[at])) ++at;
    return at - begin;
  };
  const bool zero = at < token.size() && token[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return NumberForm::kNone;
  if (at == token.size()) return NumberForm::kWhole;
  if (token[at] == '.') {
    ++at;
    if (digits() == 0) return NumberForm::kNone;
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    ++at;
    if (at < token.size() && (token[at] == '+' || token[at] == '-')) ++at;
    if (digits() == 0) return NumberForm::kNone;
  }
  return at == token.size() ? NumberForm::kReal : NumberForm::kNone;
}

const char* wanted(const JsonType& type) {
  switch (type.kind) {
    case JsonKind::kBool: return "true or false";
    case JsonKind::kInteger: return "a whole number";
    case JsonKind::kNumber: return "a number";
    case JsonKind::kText:
    case JsonKind::kName: return "a text";
    case JsonKind::kList: return "a list";
    case JsonKind::kMap:
    case JsonKind::kObject: return "an object";
    case JsonKind::kOptional:
    case JsonKind::kConverted: break;
  }
  return wanted(type.element());
}
std::string found(std::string_view token) {
  switch (token.empty() ? '\0' : token.front()) {
    case '{': return "an object";
    case '[': return "a list";
    case '"': return "a text";
    default: return token.empty() ? "nothing" : shortened(token);
  }
}

class Refusal final : public SerializationException {
 public:
  Refusal(const std::string& what, const void* of) : SerializationException(what), reader(of) {}
  const void* reader;
};

class Reader {
 public:
  Reader(const JsonOptions& options, std::string_view text) : options_(options), text_(text) {}

  void read_document(ondemand::parser& parser, std::size_t capacity, const JsonType& type, void* value) {
    ondemand::document document;
    const auto error = parser.iterate(simdjson::padded_string_view(text_.data(), text_.size(), capacity)).get(document);
    if (error == simdjson::EMPTY) fail(nullptr, text_.data(), "there is no JSON, only emptiness");
    if (error != simdjson::SUCCESS) fail(nullptr, nullptr, sentence(error));
    read(document, type, value, nullptr, 0);
    if (!is_scalar_) check_end(document);
  }

  [[noreturn]] void fail(const JsonPlace* place, const char* at, const std::string& what) const {
    std::string where = to_string(place);
    if (at != nullptr && at >= text_.data() && at <= text_.data() + text_.size()) {
      const std::string byte = "byte " + std::to_string(at - text_.data());
      where += where.empty() ? byte : " (" + byte + ")";
    }
    throw Refusal("JSON: " + (where.empty() ? std::string() : where + ": ") + what, this);
  }

 private:
  static std::string sentence(simdjson::error_code error) {
    if (error == simdjson::UTF8_ERROR) return "the text is not UTF-8";
    if (error == simdjson::UNCLOSED_STRING) return "a text has no end";
    if (error == simdjson::UNESCAPED_CHARS) return "a control character stands unescaped in a text";
    return "this is not JSON";
  }
  void check(simdjson::error_code error, const JsonPlace* place, const char* at) const {
    if (error != simdjson::SUCCESS) fail(place, at, sentence(error));
  }
  int deeper(int depth, const JsonPlace* place, const char* at) const {
    if (depth >= kJsonDepthMax) fail(place, at, "more than " + std::to_string(kJsonDepthMax) + " levels");
    return depth + 1;
  }

  /// `Value`: the document at the top, a value below.
  template <class Value>
  std::string_view token_of(Value& value) {
    std::string_view token;
    if constexpr (std::is_same_v<Value, ondemand::document>) {
      if (value.raw_json_token().get(token) != simdjson::SUCCESS) return {};
      const char first = token.empty() ? '\0' : token.front();
      is_scalar_ = first != '{' && first != '[';
      // A document of one token: nothing else ends it.
      if (is_scalar_ && first != '"' && token.data() + token.size() < text_.data() + text_.size()) {
        fail(nullptr, token.data() + token.size(), "something follows after the end");
      }
    } else {
      token = value.raw_json_token();
    }
    return trimmed(token);
  }

  template <class Value>
  void read(Value& value, const JsonType& type, void* into, const JsonPlace* place, int depth) {
    const std::string_view token = token_of(value);
    if (token == "null" && type.kind != JsonKind::kConverted) {
      if (type.kind == JsonKind::kOptional) return;  // it is new, and empty
      fail(place, token.data(), std::string("null, where ") + wanted(type) + " must be");
    }
    switch (type.kind) {
      case JsonKind::kBool:
        if (token != "true" && token != "false") wrong(type, token, place);
        *static_cast<bool*>(into) = token == "true";
        return;
      case JsonKind::kInteger: return whole(token, type, into, place);
      case JsonKind::kNumber: return real(token, type, into, place);
      case JsonKind::kText: *static_cast<std::string*>(into) = text(value, token, type, place); return;
      case JsonKind::kName: return name(text(value, token, type, place), token, type, into, place);
      case JsonKind::kOptional: return read(value, type.element(), type.append(into), place, depth);
      case JsonKind::kList: return list(value, token, type, into, place, deeper(depth, place, token.data()));
      case JsonKind::kMap:
      case JsonKind::kObject: return object(value, token, type, into, place, deeper(depth, place, token.data()));
      case JsonKind::kConverted: return converted(value, token, type, into, place, depth);
    }
  }
  [[noreturn]] void wrong(const JsonType& type, std::string_view token, const JsonPlace* place) const {
    fail(place, token.data(), found(token) + ", where " + wanted(type) + " must be");
  }

  void whole(std::string_view token, const JsonType& type, void* into, const JsonPlace* place) const {
    if (form_of(token) != NumberForm::kWhole) wrong(type, token, place);
    const unsigned bits = type.bytes * 8U;
    const char* const end = token.data() + token.size();
    std::errc problem{};
    std::int64_t number = 0;
    if (type.is_signed) {
      problem = std::from_chars(token.data(), end, number).ec;
      const std::int64_t max = static_cast<std::int64_t>((std::uint64_t{1} << (bits - 1)) - 1);
      if (number > max || number < -max - 1) problem = std::errc::result_out_of_range;
    } else {
      std::uint64_t natural = 0;
      problem = token == "-0" ? std::errc{} : std::from_chars(token.data(), end, natural).ec;
      if (bits < 64 && natural >> bits != 0) problem = std::errc::result_out_of_range;
      number = static_cast<std::int64_t>(natural);
    }
    if (problem != std::errc{}) {
      fail(place, token.data(),
           shortened(token) + " does not fit: " + std::to_string(bits) + " bits, " +
               (type.is_signed ? "with a sign" : "without a sign"));
    }
    type.store(into, number);
  }
  void real(std::string_view token, const JsonType& type, void* into, const JsonPlace* place) const {
    if (form_of(token) == NumberForm::kNone) wrong(type, token, place);
    const char* const end = token.data() + token.size();
    std::errc problem{};
    if (type.bytes == sizeof(float)) {
      problem = std::from_chars(token.data(), end, *static_cast<float*>(into)).ec;
    } else {
      problem = std::from_chars(token.data(), end, *static_cast<double*>(into)).ec;
    }
    if (problem != std::errc{})
      fail(place, token.data(), shortened(token) + " is too large, or too small, for a number of its type");
  }
  template <class Value>
  std::string_view text(Value& value, std::string_view token, const JsonType& type, const JsonPlace* place) {
    if (!token.starts_with('"')) wrong(type, token, place);
    std::string_view content;
    if (value.get_string().get(content) != simdjson::SUCCESS) fail(place, token.data(), "this text has a wrong escape");
    if (is_scalar_) check_end(value);
    return content;
  }
  void check_end(ondemand::document& document) const {
    // At the end there is no location.
    const char* behind = nullptr;
    if (document.current_location().get(behind) == simdjson::SUCCESS) fail(nullptr, behind, "something follows after the end");
  }
  void check_end(ondemand::value&) const {}
  void name(std::string_view content, std::string_view token, const JsonType& type, void* into, const JsonPlace* place) const {
    for (const JsonName& name : type.names) {
      if (name.name == content) return type.store(into, name.value);
    }
    std::string known;
    for (const JsonName& name : type.names) known += (known.empty() ? "" : ", ") + std::string(name.name);
    fail(place, token.data(), "\"" + shortened(content) + "\" is none of " + known);
  }

  template <class Value>
  void list(Value& value, std::string_view token, const JsonType& type, void* into, const JsonPlace* place, int depth) {
    if (!token.starts_with('[')) wrong(type, token, place);
    ondemand::array array;
    check(value.get_array().get(array), place, token.data());
    JsonPlace inside{place, {}, 0, JsonPlace::Kind::kIndex};
    for (auto element : array) {
      ondemand::value one;
      check(element.get(one), &inside, token.data());
      read(one, type.element(), type.append(into), &inside, depth);
      ++inside.index;
    }
  }

  template <class Value>
  void object(Value& value, std::string_view token, const JsonType& type, void* into, const JsonPlace* place, int depth) {
    if (!token.starts_with('{')) wrong(type, token, place);
    ondemand::object object;
    check(value.get_object().get(object), place, token.data());
    std::bitset<kJsonFieldsMax> seen;
    std::size_t expected = 0;
    for (auto field : object) {
      std::string_view key;
      check(field.unescaped_key().get(key), place, token.data());
      ondemand::value content;
      check(field.value().get(content), place, token.data());
      if (type.kind == JsonKind::kMap) {
        entry(content, key, type, into, place, depth);
      } else {
        expected = member(content, key, type, into, place, depth, seen, expected);
      }
    }
    if (type.kind == JsonKind::kMap) return;
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const JsonField& field = type.fields[i];
      if (seen[i] || field.has_default || field.type().kind == JsonKind::kOptional) continue;
      const JsonPlace inside{place, field.name};
      fail(&inside, token.data(), "the field is missing");
    }
  }
  void entry(ondemand::value& content, std::string_view key, const JsonType& type, void* into, const JsonPlace* place,
             int depth) {
    const JsonPlace inside{place, key, 0, JsonPlace::Kind::kKey};
    void* element = type.insert(into, std::string(key));
    if (element == nullptr) fail(&inside, content.raw_json_token().data(), "the key is there twice");
    read(content, type.element(), element, &inside, depth);
  }
  /// Which field is to be expected next: writers mostly keep an order.
  std::size_t member(ondemand::value& content, std::string_view key, const JsonType& type, void* into, const JsonPlace* place,
                     int depth, std::bitset<kJsonFieldsMax>& seen, std::size_t expected) {
    const auto fields = type.fields;
    std::size_t at = expected;
    if (at >= fields.size() || fields[at].name != key) {
      at = static_cast<std::size_t>(
          std::find_if(fields.begin(), fields.end(), [&](const JsonField& field) { return field.name == key; }) -
          fields.begin());
    }
    const JsonPlace inside{place, key};
    if (at == fields.size()) {
      if (options_.unknown_fields == UnknownFields::kRefuse) {
        const JsonPlace unknown{place, key, 0, JsonPlace::Kind::kKey};
        fail(&unknown, content.raw_json_token().data(), "there is no such field");
      }
      pass_over(content, &inside, depth);
      return expected;
    }
    if (seen[at]) fail(&inside, content.raw_json_token().data(), "the field is there twice");
    seen[at] = true;
    read(content, fields[at].type(), fields[at].member(into), &inside, depth);
    return at + 1;
  }

  template <class Value>
  void converted(Value& value, std::string_view token, const JsonType& type, void* into, const JsonPlace* place, int depth) {
    struct Fill {
      Reader& reader;
      Value& value;
      const JsonType& other;
      const JsonPlace* place;
      int depth;
    } fill{*this, value, type.element(), place, depth};
    try {
      type.convert_in(into, &fill, [](void* context, void* other) {
        Fill& own = *static_cast<Fill*>(context);
        own.reader.read(own.value, own.other, other, own.place, own.depth);
      });
    } catch (const Refusal& refusal) {
      if (refusal.reader == this) throw;  // it knows its place already
      fail(place, token.data(), refusal.what());
    } catch (const std::exception& refused) {
      fail(place, token.data(), refused.what());
    }
  }

  /// What nobody asked for must be JSON all the same.
  void pass_over(ondemand::value& value, const JsonPlace* place, int depth) {
    const std::string_view token = trimmed(value.raw_json_token());
    switch (token.empty() ? '\0' : token.front()) {
      case '{': {
        const int inner = deeper(depth, place, token.data());
        ondemand::object object;
        check(value.get_object().get(object), place, token.data());
        for (auto field : object) {
          std::string_view key;
          check(field.unescaped_key().get(key), place, token.data());
          ondemand::value content;
          check(field.value().get(content), place, token.data());
          pass_over(content, place, inner);
        }
        return;
      }
      case '[': {
        const int inner = deeper(depth, place, token.data());
        ondemand::array array;
        check(value.get_array().get(array), place, token.data());
        for (auto element : array) {
          ondemand::value content;
          check(element.get(content), place, token.data());
          pass_over(content, place, inner);
        }
        return;
      }
      case '"': {
        std::string_view content;
        check(value.get_string().get(content), place, token.data());
        return;
      }
      default:
        if (token == "true" || token == "false" || token == "null" || form_of(token) != NumberForm::kNone) return;
        fail(place, token.data(), "this is not JSON");
    }
  }

  const JsonOptions& options_;
  std::string_view text_;
  bool is_scalar_ = false;
};

/// A thread's parser, or one of its own for who reads while it is in use.
class Borrowed {
 public:
  Borrowed() {
    static thread_local Parser of_thread;
    if (of_thread.busy) {
      own_ = std::make_unique<Parser>();
    } else {
      of_thread.busy = true;
    }
    parser_ = own_ ? own_.get() : &of_thread;
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {
    if (parser_->padded.size() > kKeptBytes) {
      parser_->padded = std::string();
      parser_->parser = ondemand::parser();
    }
    parser_->busy = false;
  }
  Parser* operator->() { return parser_; }

 private:
  std::unique_ptr<Parser> own_;
  Parser* parser_;
};

}  // namespace

void read_json(const JsonType& type, void* value, const JsonOptions& options, BytesView text) {
  Borrowed borrowed;
  std::string& padded = borrowed->padded;
  padded.assign(text);
  padded.resize(text.size() + simdjson::SIMDJSON_PADDING);
  Reader reader(options, std::string_view(padded).substr(0, text.size()));
  reader.read_document(borrowed->parser, padded.size(), type, value);
}

}  // namespace tidemill::detail
