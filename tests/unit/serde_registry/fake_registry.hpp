// A schema registry of our own, over real HTTP or HTTPS on loopback: subjects, versions and ids as the REST interface has them, and
// told answers in front of them: errors, nonsense, an answer that does not come.
#pragma once

#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace fake {

struct Asked {
  std::string method;
  std::string target;
  std::string accept;
  std::string content_type;
  std::string authorization;
  nlohmann::json body;
};
struct Told {
  int status = 500;
  std::string body;
  bool held = false;  // not before release()
};

/// A certificate for 127.0.0.1 that signs itself.
class Certificate {
 public:
  Certificate() : key(EVP_RSA_gen(2048)), x509(X509_new()) {
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("fake registry"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* host = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, host, -1);
    X509_EXTENSION_free(host);
    X509_sign(x509, key, EVP_sha256());
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate() {
    X509_free(x509);
    EVP_PKEY_free(key);
  }
  void write(const std::string& path) const {
    BIO* file = BIO_new_file(path.c_str(), "w");
    PEM_write_bio_X509(file, x509);
    BIO_free(file);
  }
  EVP_PKEY* key;
  X509* x509;
};

class Registry {
 public:
  explicit Registry(const Certificate* certificate = nullptr)
      : scheme_(certificate == nullptr ? "http" : "https"),
        server_(certificate == nullptr ? std::make_unique<httplib::Server>()
                                       : std::make_unique<httplib::SSLServer>(certificate->x509, certificate->key)) {
    server_->set_keep_alive_max_count(1);  // so that stopping waits for nobody
    const auto any = [this](const httplib::Request& request, httplib::Response& response) { handle(request, response); };
    server_->Get(".*", any);
    server_->Post(".*", any);
    server_->new_task_queue = [this] {
      const std::lock_guard lock(mutex_);
      listening_ = true;
      changed_.notify_all();
      return new httplib::ThreadPool(4);
    };
    port_ = server_->bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return listening_; });
  }
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry() {
    release();
    server_->stop();
    thread_.join();
  }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url() const { return scheme_ + "://" + address(); }
  void tell(Told told) {
    const std::lock_guard lock(mutex_);
    told_.push_back(std::move(told));
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }
  std::vector<Asked> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  using json = nlohmann::json;

  void handle(const httplib::Request& request, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    asked_.push_back({request.method, request.target, request.get_header_value("Accept"),
                      request.get_header_value("Content-Type"), request.get_header_value("Authorization"),
                      json::parse(request.body, nullptr, false)});
    if (!told_.empty()) {
      const Told told = told_.front();
      told_.pop_front();
      if (told.held) changed_.wait(lock, [this] { return released_; });
      response.status = told.status;
      response.set_content(told.body, "application/vnd.schemaregistry.v1+json");
      return;
    }
    answer(request, response);
  }
  static void refuse(httplib::Response& response, int status, int code, const std::string& message) {
    response.status = status;
    response.set_content(json{{"error_code", code}, {"message", message}}.dump(), "application/vnd.schemaregistry.v1+json");
  }
  void answer(const httplib::Request& request, httplib::Response& response) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const auto give = [&](const json& body) { response.set_content(body.dump(), "application/vnd.schemaregistry.v1+json"); };
    if (path.starts_with("/schemas/ids/")) {
      const auto id = static_cast<std::size_t>(std::stoi(path.substr(13)));
      if (id < 1 || id > schemas_.size()) return refuse(response, 404, 40403, "Schema not found");
      return give(schemas_[id - 1]);
    }
    std::string subject = path.substr(std::string("/subjects/").size());
    const bool versions = subject.find("/versions") != std::string::npos;
    subject = subject.substr(0, subject.find('/'));
    if (request.method == "GET") {
      const auto& known = subjects_[subject];
      if (known.empty()) return refuse(response, 404, 40401, "Subject '" + subject + "' not found.");
      return give(described(subject, known.size() - 1));
    }
    const json schema = json::parse(request.body);
    auto id = std::find(schemas_.begin(), schemas_.end(), schema) - schemas_.begin() + 1;
    auto& known = subjects_[subject];
    const auto at = std::find(known.begin(), known.end(), id);
    if (!versions) {
      if (known.empty()) return refuse(response, 404, 40401, "Subject '" + subject + "' not found.");
      if (at == known.end()) return refuse(response, 404, 40403, "Schema not found");
      return give(described(subject, static_cast<std::size_t>(at - known.begin())));
    }
    if (id > static_cast<std::ptrdiff_t>(schemas_.size())) schemas_.push_back(schema);
    if (at == known.end()) known.push_back(id);
    give({{"id", id}});
  }
  json described(const std::string& subject, std::size_t at) {
    const auto id = subjects_[subject][at];
    json body = schemas_[static_cast<std::size_t>(id) - 1];
    body["subject"] = subject;
    body["version"] = at + 1;
    body["id"] = id;
    return body;
  }

  std::string scheme_;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool listening_ = false;
  bool released_ = false;
  std::deque<Told> told_;
  std::vector<Asked> asked_;
  std::vector<json> schemas_;
  std::map<std::string, std::vector<std::ptrdiff_t>> subjects_;
};

}  // namespace fake
