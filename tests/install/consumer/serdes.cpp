#include <cstdio>
#include <tidemill/serde_json/json_serde.hpp>
#include <tidemill/serde_registry/registry_serde.hpp>

#ifdef WITH_PROTOBUF
#include <google/protobuf/timestamp.pb.h>
#include <tidemill/serde_protobuf/protobuf_serde.hpp>
#endif

namespace {

struct Tide {
  std::string port;
  double metres = 0;
  static constexpr auto json_fields =
      std::tuple(tidemill::json_field("port", &Tide::port), tidemill::json_field("metres", &Tide::metres));
};

}  // namespace

int main() {
  const auto registry = tidemill::in_memory_schema_registry();
  const auto serde = tidemill::registry_serde(registry, tidemill::json_schema_serde<Tide>());
  tidemill::Bytes bytes;
  serde.serialize("tides", Tide{"Rance", 8.5}, bytes);
  std::printf("%s\n", bytes.substr(5).c_str());
  bool good = bytes.substr(5) == R"({"port":"Rance","metres":8.5})" && serde.deserialize("tides", bytes).metres == 8.5;
  // The client is there, and asks nobody before it has to.
  good = good && tidemill::http_schema_registry({.urls = {"https://127.0.0.1:1"}}).has_value();
#ifdef WITH_PROTOBUF
  google::protobuf::Timestamp time;
  time.set_seconds(5);
  const auto times = tidemill::registry_serde(registry, tidemill::protobuf_schema_serde<google::protobuf::Timestamp>());
  tidemill::Bytes out;
  times.serialize("times", time, out);
  good = good && times.deserialize("times", out).seconds() == 5;
#endif
  return good ? 0 : 1;
}
