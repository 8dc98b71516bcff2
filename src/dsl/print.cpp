// print(): all tasks write to one file, which is opened when the operator is made, so that one that cannot be is known before
// anything runs. A line is written whole. Lines to standard output are there at once; those to a file when a task ends, or
// when there are many.
#include <tidemill/dsl/printed.hpp>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include <tidemill/topology/topology.hpp>

namespace tidemill::detail {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

/// The shortest digits that give the number again, set as Java sets them: with a point between 10^-3 and 10^7, else with an
/// exponent.
template <class T>
void append_fraction(T value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) out += '-';
  const T size = std::abs(value);
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  constexpr std::size_t kDigitsMax = 512;  // 1e308 has 309 of them
  char digits[kDigitsMax];
  const bool plain = size == 0 || (size >= T(1e-3) && size < T(1e7));
  const auto end =
      std::to_chars(digits, digits + sizeof digits, size, plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(digits, end.ptr);
  const std::size_t e = text.find('e');
  std::string exponent;
  if (e != std::string::npos) {
    exponent = "E" + std::to_string(std::stoi(text.substr(e + 1)));
    text.resize(e);
  }
  out += text;
  if (text.find('.') == std::string::npos) out += ".0";
  out += exponent;
}

class PrintNode final : public OperatorNode {
 public:
  PrintNode(std::shared_ptr<std::FILE> file, std::string file_name, std::string label, RecordText text)
      : file_(std::move(file)), file_name_(std::move(file_name)), label_(std::move(label)), text_(std::move(text)) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new PrintNode(*this)); }
  void process(const ErasedRecord& record) override {
    line_ = "[" + label_ + "]: ";
    text_(record.key, record.value, line_);
    line_ += '\n';
    if (std::fwrite(line_.data(), 1, line_.size(), file_.get()) != line_.size()) fail();
    if (file_name_.empty()) close();
  }
  void close() override {
    if (std::fflush(file_.get()) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw StreamsException("print() cannot write to " + (file_name_.empty() ? "standard output" : "\"" + file_name_ + "\"") +
                           ": " + std::strerror(errno));
  }
  std::shared_ptr<std::FILE> file_;
  std::string file_name_;
  std::string label_;
  RecordText text_;
  std::string line_;
};

}  // namespace

void append_text(const std::string& value, std::string& out) { out += value; }
void append_text(bool value, std::string& out) { out += value ? "true" : "false"; }
void append_text(float value, std::string& out) { append_fraction(value, out); }
void append_text(double value, std::string& out) { append_fraction(value, out); }
void append_text(const Uuid& value, std::string& out) { SerdeOf<Uuid>::serde().serialize({}, value, out); }
void append_text(const ByteArray& value, std::string& out) {
  for (const char c : value.bytes) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
}

void throw_no_text(TypeTag key, TypeTag value) {
  throw TopologyException("print(): there is no text of " + std::string(key->name) + " and " + std::string(value->name) +
                          ": give .key_value_mapper, or declare `std::string to_string(const T&)` beside the type");
}

OperatorNode* new_print_node(const std::string& file, const std::string& label, RecordText text) {
  std::shared_ptr<std::FILE> out(stdout, [](std::FILE*) {});
  if (!file.empty()) {
    std::FILE* const opened = std::fopen(file.c_str(), "we");
    if (opened == nullptr) {
      throw TopologyException("print() cannot write to \"" + file + "\": " + std::strerror(errno));
    }
    out = std::shared_ptr<std::FILE>(opened, [](std::FILE* of) { std::fclose(of); });
  }
  return new PrintNode(std::move(out), file, label, std::move(text));
}

}  // namespace tidemill::detail
