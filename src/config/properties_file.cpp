// Java's properties files: key=value (or ':' or blanks) a line, '#' and '!' comments, a '\' at the end continues.
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include <tidemill/config/streams_config.hpp>

namespace tidemill {
namespace {

constexpr std::string_view kBlank = " \t\f\r";

std::string_view trim_left(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}
std::string_view trim_right(std::string_view text) {
  const auto last = text.find_last_not_of(kBlank);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

bool continues(std::string_view line) {
  std::size_t backslashes = 0;
  while (backslashes < line.size() && line[line.size() - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

std::string unescape(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
      continue;
    }
    switch (text[++i]) {
      case 't': result += '\t'; break;
      case 'n': result += '\n'; break;
      case 'r': result += '\r'; break;
      case 'f': result += '\f'; break;
      default: result += text[i];
    }
  }
  return result;
}

}  // namespace

Result<std::map<std::string, std::string>> read_properties_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return Error{ErrorKind::kNotFound, fmt::format("the configuration file \"{}\" cannot be read: is it there?", path)};
  }
  if (file.peek() == std::ifstream::traits_type::eof() && file.bad()) {
    return Error{ErrorKind::kIo, fmt::format("the configuration file \"{}\" cannot be read: is it a file?", path)};
  }
  std::map<std::string, std::string> properties;
  std::string line;
  int number = 0;
  while (std::getline(file, line)) {
    ++number;
    const int first_line = number;
    std::string logical(trim_left(line));
    if (!logical.empty() && logical.back() == '\r') logical.pop_back();
    if (logical.empty() || logical.front() == '#' || logical.front() == '!') continue;
    while (continues(logical)) {
      logical.pop_back();
      if (!std::getline(file, line)) break;
      ++number;
      logical += trim_left(line);
      if (!logical.empty() && logical.back() == '\r') logical.pop_back();
    }
    std::size_t end = 0;
    while (end < logical.size() && std::string_view("=: \t").find(logical[end]) == std::string_view::npos) {
      end += logical[end] == '\\' ? 2 : 1;
    }
    end = std::min(end, logical.size());
    const std::string key = unescape(std::string_view(logical).substr(0, end));
    if (key.empty()) {
      return Error{ErrorKind::kInvalidArgument,
                   fmt::format("{}:{}: a line must be key=value; there is no key in front of the '='", path, first_line)};
    }
    std::string_view value = trim_left(std::string_view(logical).substr(end));
    if (end == logical.size()) {
      return Error{ErrorKind::kInvalidArgument,
                   fmt::format("{}:{}: a line must be key=value; \"{}\" has no '='", path, first_line, key)};
    }
    if (!value.empty() && (value.front() == '=' || value.front() == ':')) value = trim_left(value.substr(1));
    properties[key] = unescape(trim_right(value));
  }
  return properties;
}

}  // namespace tidemill
