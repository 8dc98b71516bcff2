// Configuration from the environment, as container images of Kafka have it.
#include <unistd.h>

#include <tidemill/config/streams_config.hpp>

namespace tidemill {
namespace {

/// A_B is a.b, A__B is a_b, A___B is a-b.
std::string key_of(std::string_view name) {
  std::string key;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '_') {
      key += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
      continue;
    }
    std::size_t underscores = 1;
    while (underscores < 3 && i + 1 < name.size() && name[i + 1] == '_') ++underscores, ++i;
    key += underscores == 1 ? '.' : underscores == 2 ? '_' : '-';
  }
  return key;
}

}  // namespace

std::map<std::string, std::string> read_environment(std::string_view prefix) {
  std::map<std::string, std::string> properties;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(prefix) || equals <= prefix.size()) continue;
    properties[key_of(text.substr(prefix.size(), equals - prefix.size()))] = std::string(text.substr(equals + 1));
  }
  return properties;
}

}  // namespace tidemill
