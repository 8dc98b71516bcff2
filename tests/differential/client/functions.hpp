// The pure functions that scenarios name: what both sides compute, on texts that may be null. `Functions.java` is the other half.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/serde/serdes.hpp>

namespace tidemill::differential {

using Text = std::string;
using MaybeText = std::optional<Text>;

/// "null" for null, else the text.
Text shown(const Text* text);
/// The last kTextLength characters: what is aggregated must not grow without end.
Text tail(const Text& text);

using PredicateFunction = std::function<bool(const Text* key, const Text* value)>;
using MapFunction = std::function<MaybeText(const Text* key, const Text* value)>;
using ListFunction = std::function<std::vector<Text>(const Text* key, const Text* value)>;
using AggregateFunction = std::function<MaybeText(const Text* value, const Text& so_far)>;
using JoinFunction = std::function<MaybeText(const Text* key, const Text* value, const Text* other)>;

/// std::invalid_argument for a name that is none. `throws:<name>` gives the same function, which throws for a value of five.
PredicateFunction predicate(const std::string& name);
/// Of values, of keys, of foreign keys.
MapFunction mapper(const std::string& name);
ListFunction list_mapper(const std::string& name);
/// Of reducers, aggregators, subtractors, session mergers.
AggregateFunction aggregator(const std::string& name);
JoinFunction joiner(const std::string& name);
/// Texts: "text" as they are, "tilde" and "caret" with that in front; without it they are read as they are.
Serde<Text> serde(const std::string& name);
/// Texts, of which those that begin with '!' cannot be read.
Serde<Text> picky();
/// Texts, of which those that a `throws:` function refuses cannot be written.
Serde<Text> picky_writer();
/// The longer a value, the later its record; of some there is no time.
std::int64_t time_of(const Text* value, std::int64_t timestamp);

}  // namespace tidemill::differential
