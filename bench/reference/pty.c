/*
 * The reference for everything that goes through a pseudoterminal: forkpty, poll, read(64K), and nothing else.
 *
 *   pty spawn N -- CMD ARG...        N terminals at once; prints "ms first-bytes" when each has written its first byte
 *   pty run COLS ROWS SCRIPT -- CMD  one terminal, driven by the lines of SCRIPT:
 *       wait HEX MS    read until these bytes were seen
 *       quiet MS       read for that long
 *       type HEX       write, and start the clock
 *       time HEX MS    read until these bytes were seen; prints "time US BYTES"
 *       echo N US      write N single bytes, one every US; prints "echo US" for each that came back, "echo -1" for one lost
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536
#define TAIL 64

static char buffer[TAIL + CHUNK];
static size_t kept;
static long long total;

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what) {
  fprintf(stderr, "pty: %s: %s\n", what, strerror(errno));
  exit(1);
}

static pid_t start(int *fd, int cols, int rows, char **argv) {
  struct winsize size = {.ws_col = cols, .ws_row = rows};
  pid_t pid = forkpty(fd, NULL, NULL, &size);
  if (pid < 0) die("forkpty");
  if (pid == 0) {
    execvp(argv[0], argv);
    _exit(127);
  }
  return pid;
}

static int spawn_many(int count, char **argv) {
  struct pollfd polls[256];
  pid_t pids[256];
  if (count < 1 || count > 256) return 2;
  long long begin = now_us();
  for (int i = 0; i < count; i++) {
    pids[i] = start(&polls[i].fd, 120, 40, argv);
    polls[i].events = POLLIN;
  }
  int seen = 0, waiting = count;
  while (waiting > 0) {
    if (poll(polls, count, 5000) <= 0) break;
    for (int i = 0; i < count; i++) {
      if (polls[i].fd < 0 || !polls[i].revents) continue;
      if (read(polls[i].fd, buffer, CHUNK) > 0) seen++;
      close(polls[i].fd);
      polls[i].fd = -1;
      waiting--;
    }
  }
  printf("%.3f %d\n", (now_us() - begin) / 1000.0, seen);
  for (int i = 0; i < count; i++) waitpid(pids[i], NULL, 0);
  return seen == count ? 0 : 1;
}

/* Reads once, for at most `ms`; keeps a tail of what came before, so that a text cut by a read is found. */
static size_t take(int fd, int ms) {
  struct pollfd p = {.fd = fd, .events = POLLIN};
  int ready = poll(&p, 1, ms);
  if (ready <= 0) return 0;
  size_t keep = kept < TAIL ? kept : TAIL;
  memmove(buffer, buffer + kept - keep, keep);
  ssize_t size = read(fd, buffer + keep, CHUNK);
  if (size <= 0) {
    fprintf(stderr, "pty: the program has ended\n");
    exit(1);
  }
  kept = keep + size;
  total += size;
  return size;
}

static size_t unhex(const char *hex, char *out) {
  size_t n = 0;
  for (; hex[0] && hex[1]; hex += 2) {
    unsigned byte;
    sscanf(hex, "%2x", &byte);
    out[n++] = (char)byte;
  }
  return n;
}

/* 1 when `text` was seen before the time was over. */
static int until(int fd, const char *text, size_t size, int ms) {
  long long end = now_us() + ms * 1000LL;
  kept = 0;
  while (now_us() < end) {
    if (take(fd, (int)((end - now_us()) / 1000) + 1) == 0) continue;
    if (memmem(buffer, kept, text, size)) return 1;
  }
  return 0;
}

static void put(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EAGAIN) {
      take(fd, 1);
      continue;
    }
    if (n < 0) die("write");
    bytes += n;
    size -= n;
  }
}

static void echoes(int fd, int count, int interval) {
  /* None of these occurs in an escape sequence that a terminal multiplexer sends. */
  static const char marks[] = "%&*+,$";
  for (int i = 0; i < count; i++) {
    char mark = marks[i % 6];
    long long begin = now_us(), took = -1;
    put(fd, &mark, 1);
    while (now_us() - begin < 2000000) {
      if (take(fd, 2000) == 0) continue;
      if (memchr(buffer, mark, kept)) {
        took = now_us() - begin;
        kept = 0;
        break;
      }
    }
    printf("echo %lld\n", took);
    while (now_us() - begin < interval) {
      int left = (int)((interval - (now_us() - begin)) / 1000);
      if (left < 1) usleep(200);
      else take(fd, left);
    }
    kept = 0;
  }
}

static int run(int cols, int rows, const char *path, char **argv) {
  FILE *script = fopen(path, "r");
  if (!script) die(path);
  int fd;
  pid_t pid = start(&fd, cols, rows, argv);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  char line[8192], hex[8000], bytes[4000];
  int number, interval;
  long long begin = now_us();
  while (fgets(line, sizeof line, script)) {
    if (sscanf(line, "wait %7999s %d", hex, &number) == 2) {
      if (!until(fd, bytes, unhex(hex, bytes), number)) {
        fprintf(stderr, "pty: not within %d ms: %s", number, line);
        kill(pid, SIGHUP);
        return 1;
      }
    } else if (sscanf(line, "quiet %d", &number) == 1) {
      for (long long end = now_us() + number * 1000LL; now_us() < end;) take(fd, (int)((end - now_us()) / 1000) + 1);
    } else if (sscanf(line, "type %7999s", hex) == 1) {
      begin = now_us();
      total = 0;
      put(fd, bytes, unhex(hex, bytes));
    } else if (sscanf(line, "time %7999s %d", hex, &number) == 2) {
      if (!until(fd, bytes, unhex(hex, bytes), number)) {
        printf("time -1 %lld\n", total);
        kill(pid, SIGHUP);
        return 1;
      }
      printf("time %lld %lld\n", now_us() - begin, total);
    } else if (sscanf(line, "echo %d %d", &number, &interval) == 2) {
      echoes(fd, number, interval);
    }
  }
  fflush(stdout);
  close(fd);
  kill(pid, SIGHUP);
  waitpid(pid, NULL, 0);
  return 0;
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  if (argc > 4 && strcmp(argv[1], "spawn") == 0) return spawn_many(atoi(argv[2]), argv + 4);
  if (argc > 6 && strcmp(argv[1], "run") == 0) return run(atoi(argv[2]), atoi(argv[3]), argv[4], argv + 6);
  fprintf(stderr, "usage: pty spawn N -- CMD... | pty run COLS ROWS SCRIPT -- CMD...\n");
  return 2;
}
