// A small native HTTP/1.1 load generator: N connections, one thread each, keep-alive, blocking
// sockets. The same program drives every side of a comparison, so that the client's cost is the
// same on each.
//
//   http_load --port 10000 --path '/acct/c/b?sas' --connections 64 --seconds 5
//   http_load --method PUT --path '/acct/c/b{n}?sas' --body 4096 --header 'x-ms-blob-type:
//   BlockBlob' …
//
// {n} in the path becomes a number that no other request of the run has; {r} a random one below
// --random. --range 4096 --cells 1000 --cell 65536 reads the first 4 KiB of each of 1,000 cells of
// 64 KiB, each once and in an order that looks random and is the same in every run. Prints one JSON
// object: requests, errors, bytes, seconds, latencies in microseconds.
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
  std::string host = "127.0.0.1";
  int port = 10000;
  std::string method = "GET";
  std::string path = "/";
  std::vector<std::string> headers;
  std::size_t body_bytes = 0;
  int connections = 1;
  double seconds = 0;          // 0: until `requests`
  std::uint64_t requests = 0;  // in all; 0: no limit
  std::uint64_t random = 1;
  std::uint64_t range_bytes = 0;  // 0: whole blobs
  std::uint64_t cells = 1;
  std::uint64_t cell_bytes = 65536;
  bool tls = false;
};

std::atomic<std::uint64_t> g_next{0};
std::atomic<std::uint64_t> g_next_range{0};

// One connection, plain or TLS.
class Connection {
 public:
  Connection(const Options& options, SSL_CTX* tls) : options_(options), tls_(tls) {}
  ~Connection() { Close(); }

  bool Open() {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return false;
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (tls_ == nullptr) return true;
    ssl_ = SSL_new(tls_);
    SSL_set_fd(ssl_, fd_);
    return SSL_connect(ssl_) == 1;
  }
  void Close() {
    if (ssl_ != nullptr) SSL_free(ssl_);
    if (fd_ >= 0) close(fd_);
    ssl_ = nullptr;
    fd_ = -1;
  }
  bool Write(std::string_view data) {
    while (!data.empty()) {
      const int chunk = static_cast<int>(std::min<std::size_t>(data.size(), 1 << 20));
      const ssize_t n = ssl_ ? SSL_write(ssl_, data.data(), chunk)
                             : send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  ssize_t Read(char* data, std::size_t size) {
    return ssl_ ? SSL_read(ssl_, data, static_cast<int>(std::min<std::size_t>(size, 1 << 30)))
                : recv(fd_, data, size, 0);
  }

 private:
  const Options& options_;
  SSL_CTX* tls_;
  SSL* ssl_ = nullptr;
  int fd_ = -1;
};

struct Answer {
  int status = 0;  // 0: the connection broke
  std::uint64_t body_bytes = 0;
};

// Reads one response; `buffer` is scratch.
Answer ReadAnswer(Connection& connection, std::vector<char>& buffer, bool head_only) {
  std::size_t filled = 0;
  std::string_view text;
  std::size_t end = std::string_view::npos;
  while (end == std::string_view::npos) {
    const ssize_t n = connection.Read(buffer.data() + filled, buffer.size() - filled);
    if (n <= 0) return {};
    filled += static_cast<std::size_t>(n);
    text = {buffer.data(), filled};
    end = text.find("\r\n\r\n");
  }
  Answer answer;
  answer.status = std::atoi(buffer.data() + 9);
  std::uint64_t length = 0;
  for (std::size_t at = text.find("\r\n"); at < end; at = text.find("\r\n", at + 2)) {
    std::string_view line = text.substr(at + 2, 16);
    if (strncasecmp(line.data(), "content-length: ", 16) == 0) {
      length = std::strtoull(buffer.data() + at + 18, nullptr, 10);
    }
  }
  answer.body_bytes = filled - (end + 4);
  if (head_only) return answer;
  while (answer.body_bytes < length) {
    const ssize_t n = connection.Read(buffer.data(), buffer.size());
    if (n <= 0) return {};
    answer.body_bytes += static_cast<std::uint64_t>(n);
  }
  return answer;
}

std::string Expand(std::string path, std::mt19937_64& random, std::uint64_t below) {
  if (const auto at = path.find("{n}"); at != std::string::npos) {
    path.replace(at, 3, std::to_string(g_next.fetch_add(1)));
  }
  if (const auto at = path.find("{r}"); at != std::string::npos) {
    path.replace(at, 3, std::to_string(random() % below));
  }
  return path;
}

// Multiples of a prime go round all cells before one comes again.
std::string RangeLine(const Options& options) {
  constexpr std::uint64_t kPrime = 2'654'435'761;
  const std::uint64_t cell = g_next_range.fetch_add(1) * kPrime % options.cells;
  const std::uint64_t from = cell * options.cell_bytes;
  return "Range: bytes=" + std::to_string(from) + "-" +
         std::to_string(from + options.range_bytes - 1) + "\r\n";
}

struct Tally {
  std::uint64_t errors = 0;
  std::uint64_t bytes = 0;
  int last_bad_status = 0;
  std::vector<std::uint32_t> latencies_us;
};

void Work(const Options& options, SSL_CTX* tls, SteadyClock::time_point end,
          std::atomic<std::int64_t>& left, Tally& tally, const std::string& body) {
  std::mt19937_64 random(std::random_device{}());
  std::vector<char> buffer(1 << 20);
  Connection connection(options, tls);
  if (!connection.Open()) {
    ++tally.errors;
    return;
  }
  std::string tail = " HTTP/1.1\r\nHost: " + options.host + ":" + std::to_string(options.port) +
                     "\r\nContent-Length: " + std::to_string(options.body_bytes) + "\r\n";
  if (options.method == "GET" || options.method == "HEAD") {
    tail = " HTTP/1.1\r\nHost: " + options.host + ":" + std::to_string(options.port) + "\r\n";
  }
  for (const std::string& header : options.headers) tail += header + "\r\n";
  const std::string fixed = tail;
  tail += "\r\n";
  const bool join = body.size() <= 64 << 10;  // one write for a small request
  if (join) tail += body;
  while (SteadyClock::now() < end && left.fetch_sub(1) > 0) {
    if (options.range_bytes > 0) tail = fixed + RangeLine(options) + "\r\n";
    const std::string head =
        options.method + " " + Expand(options.path, random, options.random) + tail;
    const auto began = SteadyClock::now();
    bool ok = connection.Write(head) && (join || connection.Write(body));
    Answer answer;
    if (ok) answer = ReadAnswer(connection, buffer, options.method == "HEAD");
    if (answer.status == 0) {
      ++tally.errors;
      connection.Close();
      if (!connection.Open()) return;
      continue;
    }
    if (answer.status >= 300) {
      ++tally.errors;
      tally.last_bad_status = answer.status;
    }
    tally.bytes += answer.body_bytes + body.size();
    tally.latencies_us.push_back(static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - began).count()));
  }
}

[[noreturn]] void Usage() {
  std::fprintf(
      stderr,
      "http_load [--host H] [--port P] [--tls] [--method M] --path P [--header 'K: V']…\n"
      "          [--body BYTES] [--connections N] [--seconds S] [--requests N] [--random N]\n"
      "          [--range BYTES] [--cells N] [--cell BYTES]\n");
  std::exit(2);
}

Options Parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--tls") {
      o.tls = true;
      continue;
    }
    if (i + 1 >= argc) Usage();
    const char* value = argv[++i];
    if (flag == "--host")
      o.host = value;
    else if (flag == "--port")
      o.port = std::atoi(value);
    else if (flag == "--method")
      o.method = value;
    else if (flag == "--path")
      o.path = value;
    else if (flag == "--header")
      o.headers.emplace_back(value);
    else if (flag == "--body")
      o.body_bytes = std::strtoull(value, nullptr, 10);
    else if (flag == "--connections")
      o.connections = std::atoi(value);
    else if (flag == "--seconds")
      o.seconds = std::atof(value);
    else if (flag == "--requests")
      o.requests = std::strtoull(value, nullptr, 10);
    else if (flag == "--range")
      o.range_bytes = std::strtoull(value, nullptr, 10);
    else if (flag == "--cells")
      o.cells = std::max<std::uint64_t>(std::strtoull(value, nullptr, 10), 1);
    else if (flag == "--cell")
      o.cell_bytes = std::strtoull(value, nullptr, 10);
    else if (flag == "--random")
      o.random = std::strtoull(value, nullptr, 10);
    else
      Usage();
  }
  if (o.seconds == 0 && o.requests == 0) Usage();
  return o;
}

void Print(const Options& options, std::vector<Tally>& tallies, double seconds) {
  std::vector<std::uint32_t> all;
  std::uint64_t errors = 0;
  std::uint64_t bytes = 0;
  int bad = 0;
  for (Tally& t : tallies) {
    all.insert(all.end(), t.latencies_us.begin(), t.latencies_us.end());
    errors += t.errors;
    bytes += t.bytes;
    if (t.last_bad_status != 0) bad = t.last_bad_status;
  }
  std::ranges::sort(all);
  auto at = [&all](double share) {
    if (all.empty()) return 0U;
    return all[std::min(all.size() - 1,
                        static_cast<std::size_t>(share * static_cast<double>(all.size())))];
  };
  std::printf(
      "{\"requests\": %zu, \"errors\": %llu, \"bad_status\": %d, \"bytes\": %llu, \"seconds\": "
      "%.6f, "
      "\"per_second\": %.1f, \"bytes_per_second\": %.0f, \"p50_us\": %u, \"p99_us\": %u, "
      "\"max_us\": %u, \"connections\": %d}\n",
      all.size(), static_cast<unsigned long long>(errors), bad,
      static_cast<unsigned long long>(bytes), seconds, static_cast<double>(all.size()) / seconds,
      static_cast<double>(bytes) / seconds, at(0.5), at(0.99), all.empty() ? 0U : all.back(),
      options.connections);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Parse(argc, argv);
  SSL_CTX* tls = nullptr;
  if (options.tls) {
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, nullptr);  // a benchmark's own certificate
  }
  std::string body(options.body_bytes, '\0');
  std::mt19937_64 random(7);
  for (std::size_t at = 0; at < body.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t bits = random();
    std::memcpy(body.data() + at, &bits, std::min(sizeof bits, body.size() - at));
  }
  std::atomic<std::int64_t> left(
      options.requests == 0 ? INT64_MAX : static_cast<std::int64_t>(options.requests));
  const auto began = SteadyClock::now();
  const auto end = options.seconds == 0
                       ? began + std::chrono::hours(1)
                       : began + std::chrono::duration_cast<SteadyClock::duration>(
                                     std::chrono::duration<double>(options.seconds));
  std::vector<Tally> tallies(static_cast<std::size_t>(options.connections));
  {
    std::vector<std::jthread> threads;
    for (Tally& tally : tallies) {
      threads.emplace_back([&] { Work(options, tls, end, left, tally, body); });
    }
  }
  Print(options, tallies, std::chrono::duration<double>(SteadyClock::now() - began).count());
  return 0;
}
