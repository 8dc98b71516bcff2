// A serde of keys whose bytes depend on the topic.
#pragma once

#include <string>

#include <tidemill/serde/serdes.hpp>

namespace tidemill::test {

/// Text behind the topic, as where schemas have other ids in each subject, or each topic is encrypted with its own key: what was
/// made for one topic cannot be read as another's.
inline Serde<std::string> behind_the_topic() {
  return {[](const void*, std::string_view topic, const std::string& value, Bytes& out) {
            out.append(topic).append("|").append(value);
          },
          [](const void*, std::string_view topic, BytesView bytes) {
            if (bytes.substr(0, bytes.find('|')) != topic) {
              throw SerializationException("\"" + std::string(bytes) + "\" is read as of " + std::string(topic));
            }
            return std::string(bytes.substr(bytes.find('|') + 1));
          }};
}

}  // namespace tidemill::test
