// SCRAM against the example of RFC 7677, section 3, and against servers that do not know the password.
#include "log_kafka/sasl.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::kafka {
namespace {

using testing::HasSubstr;

constexpr std::string_view kNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramClient user() { return {SaslMechanism::kScramSha256, "user", "pencil", std::string(kNonce)}; }

TEST(Sasl, PlainSeparatesItsPartsWithNul) { EXPECT_EQ(plain_message("alice", "secret"), std::string("\0alice\0secret", 13)); }

TEST(Sasl, ScramAnswersAsTheStandardsExample) {
  ScramClient client = user();
  EXPECT_EQ(client.first_message(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(client.final_message(kServerFirst).value(), kClientFinal);
  EXPECT_TRUE(client.verify(kServerFinal).has_value());
}

TEST(Sasl, ScramEscapesTheUserName) {
  ScramClient client(SaslMechanism::kScramSha512, "a=b,c", "x", "n");
  EXPECT_EQ(client.first_message(), "n,,n=a=3Db=2Cc,r=n");
}

TEST(Sasl, ScramRefusesAServerThatDoesNotKnowThePassword) {
  ScramClient client = user();
  static_cast<void>(client.first_message());
  ASSERT_TRUE(client.final_message(kServerFirst).has_value());
  const auto verified = client.verify("v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  ASSERT_FALSE(verified.has_value());
  EXPECT_EQ(verified.error().kind, ErrorKind::kUnauthorized);
  EXPECT_FALSE(client.verify("").has_value());
}

TEST(Sasl, ScramTellsWhyTheServerRefused) {
  ScramClient client = user();
  static_cast<void>(client.first_message());
  const auto answer = client.final_message("e=unknown-user");
  ASSERT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, HasSubstr("unknown-user"));
}

TEST(Sasl, ScramRefusesWhatNoServerMaySay) {
  for (const std::string_view wrong :
       {"", "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqOx,s=!,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ=="}) {
    ScramClient client = user();
    static_cast<void>(client.first_message());
    EXPECT_FALSE(client.final_message(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace tidemill::kafka
