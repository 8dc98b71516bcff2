#include "functions.hpp"

#include <cstdint>
#include <map>
#include <stdexcept>

namespace tidemill::differential {
namespace {

constexpr std::size_t kTextLength = 20;
constexpr std::size_t kListLength = 3;
constexpr std::uint32_t kHashFactor = 31;
constexpr std::uint32_t kHashOfNull = 7;
constexpr std::uint32_t kHashMask = 0x7fffffff;

std::uint32_t hash(const Text* text) {
  if (text == nullptr) return kHashOfNull;
  std::uint32_t sum = 0;
  for (const char c : *text) sum = (sum * kHashFactor + static_cast<unsigned char>(c)) & kHashMask;
  return sum;
}
bool divides(std::uint32_t number, const Text* text) { return hash(text) % number == 0; }
MaybeText maybe(const Text* text) { return text == nullptr ? MaybeText() : MaybeText(*text); }
Text first(const Text* text) { return shown(text).substr(0, 1); }

/// Of `throws:<function>` the function; of another name nothing.
std::optional<std::string> throwing(const std::string& name) {
  constexpr std::string_view kThrows = "throws:";
  return name.starts_with(kThrows) ? std::optional(name.substr(kThrows.size())) : std::nullopt;
}
void refuse(const Text* text) {
  if (divides(5, text)) throw std::runtime_error("refused: " + shown(text));
}

template <class Function>
Function find(const std::map<std::string, Function>& all, const std::string& name) {
  const auto found = all.find(name);
  if (found == all.end()) throw std::invalid_argument("there is no function \"" + name + "\"");
  return found->second;
}

}  // namespace

Text shown(const Text* text) { return text == nullptr ? "null" : *text; }
Text tail(const Text& text) { return text.size() <= kTextLength ? text : text.substr(text.size() - kTextLength); }

PredicateFunction predicate(const std::string& name) {
  if (const auto inner = throwing(name)) {
    return [f = predicate(*inner)](const Text* k, const Text* v) {
      refuse(v);
      return f(k, v);
    };
  }
  static const std::map<std::string, PredicateFunction> kAll = {
      {"all", [](const Text*, const Text*) { return true; }},
      {"none", [](const Text*, const Text*) { return false; }},
      {"value2", [](const Text*, const Text* v) { return divides(2, v); }},
      {"value3", [](const Text*, const Text* v) { return !divides(3, v); }},
      {"key2", [](const Text* k, const Text*) { return divides(2, k); }},
      {"present", [](const Text*, const Text* v) { return v != nullptr; }},
  };
  return find(kAll, name);
}

MapFunction mapper(const std::string& name) {
  if (const auto inner = throwing(name)) {
    return [f = mapper(*inner)](const Text* k, const Text* v) {
      refuse(v);
      return f(k, v);
    };
  }
  static const std::map<std::string, MapFunction> kAll = {
      {"bang", [](const Text*, const Text* v) { return tail(shown(v) + "!"); }},
      {"pair", [](const Text* k, const Text* v) { return tail(shown(k) + shown(v)); }},
      {"value", [](const Text*, const Text* v) { return maybe(v); }},
      {"key", [](const Text* k, const Text*) { return maybe(k); }},
      {"first", [](const Text*, const Text* v) { return first(v); }},
      {"keyfirst", [](const Text* k, const Text*) { return first(k); }},
      {"null3", [](const Text*, const Text* v) { return divides(3, v) ? MaybeText() : maybe(v); }},
      {"keynull3", [](const Text* k, const Text* v) { return divides(3, v) ? MaybeText() : maybe(k); }},
      {"const", [](const Text*, const Text*) { return MaybeText("c"); }},
  };
  return find(kAll, name);
}

ListFunction list_mapper(const std::string& name) {
  if (const auto inner = throwing(name)) {
    return [f = list_mapper(*inner)](const Text* k, const Text* v) {
      refuse(v);
      return f(k, v);
    };
  }
  static const std::map<std::string, ListFunction> kAll = {
      {"letters",
       [](const Text*, const Text* v) {
         std::vector<Text> letters;
         for (std::size_t i = 0; v != nullptr && i < v->size() && i < kListLength; ++i) letters.push_back(v->substr(i, 1));
         return letters;
       }},
      {"twice",
       [](const Text*, const Text* v) {
         return std::vector<Text>{shown(v), tail(shown(v) + "2")};
       }},
      {"some", [](const Text*, const Text* v) { return divides(2, v) ? std::vector<Text>{} : std::vector<Text>{shown(v)}; }},
  };
  return find(kAll, name);
}

AggregateFunction aggregator(const std::string& name) {
  if (const auto inner = throwing(name)) {
    return [f = aggregator(*inner)](const Text* v, const Text& so_far) {
      refuse(v);
      return f(v, so_far);
    };
  }
  static const std::map<std::string, AggregateFunction> kAll = {
      {"cat", [](const Text* v, const Text& so_far) { return tail(so_far + shown(v)); }},
      {"minus", [](const Text* v, const Text& so_far) { return tail(so_far + "-" + shown(v)); }},
      {"null4", [](const Text* v, const Text& so_far) { return divides(4, v) ? MaybeText() : tail(so_far + "," + shown(v)); }},
      {"last", [](const Text* v, const Text&) { return MaybeText(shown(v)); }},
      {"max", [](const Text* v, const Text& so_far) { return std::max(so_far, shown(v)); }},
      {"same", [](const Text*, const Text& so_far) { return so_far; }},
  };
  return find(kAll, name);
}

JoinFunction joiner(const std::string& name) {
  if (const auto inner = throwing(name)) {
    return [f = joiner(*inner)](const Text* k, const Text* a, const Text* b) {
      const Text both = shown(a) + shown(b);
      refuse(&both);
      return f(k, a, b);
    };
  }
  static const std::map<std::string, JoinFunction> kAll = {
      {"plus", [](const Text*, const Text* a, const Text* b) { return tail(shown(a) + "+" + shown(b)); }},
      {"keyed", [](const Text* k, const Text* a, const Text* b) { return tail(shown(k) + shown(a) + shown(b)); }},
      {"left", [](const Text*, const Text* a, const Text*) { return MaybeText(shown(a)); }},
      {"right", [](const Text*, const Text*, const Text* b) { return MaybeText(shown(b)); }},
      {"null3",
       [](const Text*, const Text* a, const Text* b) {
         const Text both = shown(a) + shown(b);
         return divides(3, &both) ? MaybeText() : tail(both);
       }},
  };
  return find(kAll, name);
}

Serde<Text> serde(const std::string& name) {
  static const std::map<std::string, Text> kMarks = {{"text", ""}, {"tilde", "~"}, {"caret", "^"}};
  return Serde<Text>(
      [](const void* mark, std::string_view topic, const Text& text, Bytes& out) {
        out += *static_cast<const Text*>(mark);
        SerdeOf<Text>::serde().serialize(topic, text, out);
      },
      [](const void* mark, std::string_view, BytesView bytes) {
        const Text& front = *static_cast<const Text*>(mark);
        return Text(bytes.starts_with(front) ? bytes.substr(front.size()) : bytes);
      },
      std::make_shared<const Text>(find(kMarks, name)));
}

Serde<Text> picky() {
  return Serde<Text>([](const void*, std::string_view topic, const Text& text,
                        Bytes& out) { SerdeOf<Text>::serde().serialize(topic, text, out); },
                     [](const void*, std::string_view topic, BytesView bytes) {
                       if (bytes.starts_with("!")) throw std::runtime_error("refused: " + Text(bytes));
                       return SerdeOf<Text>::serde().deserialize(topic, bytes);
                     },
                     nullptr);
}

Serde<Text> picky_writer() {
  return Serde<Text>(
      [](const void*, std::string_view topic, const Text& text, Bytes& out) {
        if (divides(5, &text)) throw std::runtime_error("refused: " + text);
        SerdeOf<Text>::serde().serialize(topic, text, out);
      },
      [](const void*, std::string_view topic, BytesView bytes) { return SerdeOf<Text>::serde().deserialize(topic, bytes); },
      nullptr);
}

std::int64_t time_of(const Text* value, std::int64_t timestamp) {
  if (value == nullptr) return timestamp;
  return divides(7, value) ? -1 : timestamp + 700 * static_cast<std::int64_t>(value->size());
}

}  // namespace tidemill::differential
