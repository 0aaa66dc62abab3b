#include "dashboard/watch.h"

namespace anemone::dashboard {

bool Watch::poll(const Hear& hear) {
  writer_ = log_.writer();  // before the log is read: what it wrote last is then read for certain
  const Result<News> news = log_.poll();
  error_ = news ? "" : news.error().message;
  if (!news) return false;
  if (news->anew) run_ = {};
  for (const Record& record : news->records) {
    run_.take(record);
    if (hear) hear(record);
  }
  const bool alive = run_.status() == Status::running || run_.status() == Status::paused;
  if (judges_writer_ && alive && !writer_ && !news->more && news->records.empty()) {
    run_.declare_dead("nobody writes its log any more, and it does not say why");
  }
  return news->more;
}

}  // namespace anemone::dashboard
