// SPDX-License-Identifier: Apache-2.0
//
// See config_loader.h.
#include "config_loader.h"

#include <signal.h>
#include <unistd.h>

#include <system_error>

namespace xsched {

ConfigLoader::ConfigLoader(std::string file, bool must_exist)
    : file_(std::move(file)), must_exist_(must_exist) {}

ConfigLoader::~ConfigLoader() {
  if (thread_.joinable()) thread_.join();
}

std::optional<Config> ConfigLoader::load(std::string& error) const {
  if (file_.empty()) return Config{};
  if (!must_exist_ && access(file_.c_str(), F_OK) != 0 && errno == ENOENT) return Config{};
  return load_config(file_, error);
}

bool ConfigLoader::start(int event) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (running_) {
      again_ = true;
      return true;
    }
    running_ = true;
  }
  if (thread_.joinable()) thread_.join();  // it has left its loop
  // Signals are the loop's. Its real-time priority is not inherited (urgent_thread.h).
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  bool started = true;
  try {
    thread_ = std::thread([this, event] { run(event); });
  } catch (const std::system_error&) {
    const std::lock_guard<std::mutex> lock(mutex_);
    running_ = started = false;
  }
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
  return started;
}

void ConfigLoader::run(int event) {
  for (;;) {
    std::string error;
    std::optional<Config> config;
    try {
      config = load(error);
    } catch (const std::exception& e) {
      error = file_ + ": " + e.what();
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    config_ = std::move(config);
    error_ = std::move(error);
    done_ = true;
    if (again_) {
      again_ = false;
      continue;
    }
    running_ = false;
    const uint64_t one = 1;
    [[maybe_unused]] ssize_t n = write(event, &one, sizeof one);
    return;
  }
}

std::optional<bool> ConfigLoader::take(Config& config, std::string& error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!done_) return std::nullopt;
  done_ = false;
  if (!config_) {
    error = error_;
    return false;
  }
  config = std::move(*config_);
  config_.reset();
  return true;
}

}  // namespace xsched
