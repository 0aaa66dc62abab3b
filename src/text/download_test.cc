#include "text/download.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "text/archive.h"

namespace anemone::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An HTTP server on 127.0.0.1 that offers one body at every path, for as long as it lives.
class Server {
 public:
  struct Behaviour {
    std::string body;
    int status = 200;
    bool knows_ranges = true;
    size_t breaks_after = std::string::npos;  // bytes of body, then the connection closes
  };

  explicit Server(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~Server() {
    stops_ = true;
    thread_.join();
    close(listener_);
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}/tokens.tar.gz", port_); }

  std::vector<std::string> ranges() {  // those asked for, "" where none
    const std::lock_guard lock(mutex_);
    return ranges_;
  }

 private:
  void serve() {
    while (!stops_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept(listener_, nullptr, nullptr);
      answer(connection);
      close(connection);
    }
  }

  static std::string read_request(int connection) {
    std::string request;
    char block[1024];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t count = recv(connection, block, sizeof(block), 0);
      if (count <= 0) break;
      request.append(block, static_cast<size_t>(count));
    }
    return request;
  }

  void answer(int connection) {
    const std::string request = read_request(connection);
    const size_t at = request.find("Range: bytes=");
    const bool has_range = at != std::string::npos;
    const std::string range = has_range ? request.substr(at + 13, request.find('\r', at) - at - 13) : "";
    {
      const std::lock_guard lock(mutex_);
      ranges_.push_back(range);
    }
    const size_t begin = has_range && behaviour_.knows_ranges ? std::stoul(range) : 0;
    const size_t size = behaviour_.body.size();
    std::string head;
    if (behaviour_.status != 200) {
      head = fmt::format("HTTP/1.1 {} No\r\nContent-Length: 0\r\n", behaviour_.status);
    } else if (begin >= size) {
      head = fmt::format("HTTP/1.1 416 No\r\nContent-Range: bytes */{}\r\nContent-Length: 0\r\n", size);
    } else if (begin > 0) {
      head = fmt::format("HTTP/1.1 206 Part\r\nContent-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n", begin,
                         size - 1, size, size - begin);
    } else {
      head = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", size);
    }
    const bool has_body = behaviour_.status == 200 && begin < size;
    const std::string body = has_body ? behaviour_.body.substr(begin, behaviour_.breaks_after) : "";
    const std::string reply = head + "Connection: close\r\n\r\n" + body;
    send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  Behaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stops_ = false;
  std::mutex mutex_;
  std::vector<std::string> ranges_;
  std::thread thread_;
};

// Token ids 1, 2, …, as a token file's bytes.
std::string token_bytes() {
  std::string bytes;
  for (int id = 1; id <= 20000; ++id) bytes += {static_cast<char>(id & 0xFF), static_cast<char>(id >> 8)};
  return bytes;
}

std::string tar_gz(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string packed(1 << 20, '\0');
  size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_add_filter_gzip(writer);
  archive_write_set_format_pax_restricted(writer);
  archive_write_open_memory(writer, packed.data(), packed.size(), &used);
  for (const auto& [name, bytes] : members) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_write_header(writer, entry);
    archive_write_data(writer, bytes.data(), bytes.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
  return packed.substr(0, used);
}

std::string good_archive() {
  return tar_gz({{"shards/readme.txt", "not this"}, {"shards/data00.bin", token_bytes()}, {"data01.bin", "nor this"}});
}

class DownloadTest : public testing::Test {
 protected:
  DownloadTest() { std::filesystem::create_directories(folder_); }
  ~DownloadTest() override { std::filesystem::remove_all(folder_); }

  Result<Downloaded> download(const Server& server, const std::string& sha256 = "") {
    return download_tokens({.output = output_, .url = server.url(), .sha256 = sha256}, {});
  }

  void write(const std::string& path, std::string_view bytes) {
    AtomicFile file = AtomicFile::create(path).value();
    ASSERT_TRUE(file.write(bytes));
    ASSERT_TRUE(file.commit());
  }

  std::vector<std::string> files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) names.push_back(entry.path().filename());
    return names;
  }

  const std::string folder_ = testing::TempDir() + "anemone_download_" + std::to_string(getpid()) + "/";
  const std::string output_ = folder_ + "data.bin";
  const std::string part_ = output_ + ".tar.gz.part";
};

TEST_F(DownloadTest, FetchesAndUnpacksOnce) {
  Server server({.body = good_archive()});
  int64_t done = 0, total = 0;
  const Report report = [&](int64_t d, int64_t t) { done = d, total = t; };
  const Downloaded first = download_tokens({.output = output_, .url = server.url()}, report).value();
  EXPECT_FALSE(first.was_there);
  EXPECT_EQ(first.bytes, 40000);
  EXPECT_EQ(read_text(output_).value(), token_bytes());
  EXPECT_THAT(files(), ElementsAre("data.bin"));
  EXPECT_EQ(done, static_cast<int64_t>(good_archive().size()));
  EXPECT_EQ(total, done);
  EXPECT_TRUE(download(server).value().was_there);
  EXPECT_THAT(server.ranges(), ElementsAre(""));
}

TEST_F(DownloadTest, GoesOnWhereItBroke) {
  const std::string archive = good_archive();
  {
    Server server({.body = archive, .breaks_after = 1000});
    EXPECT_THAT(download(server).error().message, HasSubstr("run it again to go on from byte 1000"));
    EXPECT_THAT(files(), ElementsAre("data.bin.tar.gz.part"));
  }
  Server server({.body = archive});
  ASSERT_TRUE(download(server));
  EXPECT_EQ(read_text(output_).value(), token_bytes());
  EXPECT_THAT(server.ranges(), ElementsAre("1000-"));
  EXPECT_THAT(files(), ElementsAre("data.bin"));
}

TEST_F(DownloadTest, StartsOverWhereTheServerKnowsNoRanges) {
  write(part_, "something else, from before");
  Server server({.body = good_archive(), .knows_ranges = false});
  ASSERT_TRUE(download(server));
  EXPECT_EQ(read_text(output_).value(), token_bytes());
}

TEST_F(DownloadTest, TakesAPartThatIsComplete) {
  write(part_, good_archive());
  Server server({.body = good_archive()});
  ASSERT_TRUE(download(server));
  EXPECT_EQ(read_text(output_).value(), token_bytes());
}

TEST_F(DownloadTest, ReplacesADamagedTarget) {
  write(output_, "odd");
  Server server({.body = good_archive()});
  EXPECT_FALSE(download(server).value().was_there);
  EXPECT_EQ(read_text(output_).value(), token_bytes());
}

TEST_F(DownloadTest, ChecksTheChecksum) {
  Server server({.body = good_archive()});
  const std::string wrong(64, '0');
  EXPECT_THAT(download(server, wrong).error().message, HasSubstr("not " + wrong));
  EXPECT_THAT(files(), IsEmpty());
  write(part_, good_archive());
  std::string right = sha256(part_).value();
  for (char& c : right) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_TRUE(download(server, right));
}

TEST_F(DownloadTest, RefusesWhatIsNotTheArchive) {
  Server missing({.body = "", .status = 404});
  EXPECT_THAT(download(missing).error().message, HasSubstr("404"));
  EXPECT_THAT(files(), IsEmpty());
  Server page({.body = "<html>log in</html>"});
  EXPECT_THAT(download(page).error().message, HasSubstr("gives no gzip archive"));
  Server other({.body = tar_gz({{"data01.bin", "x"}})});
  EXPECT_THAT(download(other).error().message, HasSubstr("holds no data00.bin"));
  Server cut({.body = good_archive().substr(0, 2000)});
  EXPECT_THAT(download(cut).error().message, HasSubstr("is damaged"));
  Server odd({.body = tar_gz({{"data00.bin", "odd"}})});
  EXPECT_THAT(download(odd).error().message, HasSubstr("has 3 bytes: it is no token file"));
  EXPECT_THAT(files(), IsEmpty());
  const auto refused = download_tokens({.output = output_, .url = "file:///etc/hostname"}, {});
  EXPECT_THAT(refused.error().message, HasSubstr("cannot fetch file:///etc/hostname"));
}

TEST_F(DownloadTest, NamesAFolderThatIsNotThere) {
  Server server({.body = good_archive()});
  const auto failed = download_tokens({.output = folder_ + "none/data.bin", .url = server.url()}, {});
  EXPECT_THAT(failed.error().message, HasSubstr("cannot write " + folder_ + "none/data.bin"));
}

TEST_F(DownloadTest, Sha256IsTheStandards) {
  write(output_, "abc");  // FIPS 180-4's first example
  EXPECT_EQ(sha256(output_).value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace anemone::text
