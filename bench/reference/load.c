/*
 * Stands for an agent at work: paints into its terminal at a steady rate, or as fast as the terminal takes it.
 *
 *   load paint BYTES_PER_SECOND HZ DIR   frames of an agent's screen (DEC 2026, cursor moves, colours)
 *   load flood FILE DIR                  the bytes of FILE over and over
 *
 * Leaves its pid as a file in DIR. Begins quiet: SIGUSR1 starts it, SIGUSR2 makes it quiet again; quiet, it sleeps without
 * waking up. It ends with its terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t busy;

static void on(int signal) {
  (void)signal;
  busy = 1;
}

static void off(int signal) {
  (void)signal;
  busy = 0;
}

static void put(const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(1, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) exit(0);
    bytes += n;
    size -= n;
  }
}

static size_t frame(char *out, size_t want, unsigned turn) {
  size_t n = (size_t)sprintf(out, "\x1b[?2026h\x1b[H");
  for (unsigned row = 0; n < want; row++) {
    unsigned y = row % 20 + 1;
    n += (size_t)sprintf(out + n,
                         "\x1b[%u;1H\x1b[38;5;%um%c\x1b[0m step %u \x1b[1mEdit\x1b[22m(\x1b[36msrc/part-%u.ts\x1b[39m) "
                         "\x1b[32m+%u\x1b[39m \x1b[31m-%u\x1b[39m\x1b[K",
                         y, 16 + (turn + row) % 200, "|/-\\"[turn % 4], turn, (turn * 7 + row) % 97, turn % 50, row % 9);
  }
  n += (size_t)sprintf(out + n, "\x1b[?2026l");
  return n;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  int paint = strcmp(argv[1], "paint") == 0;
  const char *dir = argv[paint ? 4 : 3];
  struct sigaction begin = {.sa_handler = on}, end = {.sa_handler = off};
  sigaction(SIGUSR1, &begin, NULL);
  sigaction(SIGUSR2, &end, NULL);
  sigset_t both, none;
  sigemptyset(&none);
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);

  static char bytes[1 << 20];
  size_t size = 0, want = 0;
  long nanos = 0;
  if (paint) {
    long rate = atol(argv[2]), hz = atol(argv[3]);
    want = (size_t)(rate / hz);
    nanos = 1000000000L / hz;
  } else {
    int fd = open(argv[2], O_RDONLY);
    if (fd < 0) return 1;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n <= 0) return 1;
    size = (size_t)n;
    close(fd);
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/%d", dir, (int)getpid());
  /* Blocked until the quiet wait, so that a signal between the look and the wait is not lost. */
  sigprocmask(SIG_BLOCK, &both, NULL);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  for (unsigned turn = 0;; turn++) {
    while (!busy) sigsuspend(&none);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
    if (paint) size = frame(bytes, want, turn);
    put(bytes, size);
    if (paint) {
      struct timespec pause = {.tv_nsec = nanos};
      nanosleep(&pause, NULL);
    }
    sigprocmask(SIG_BLOCK, &both, NULL);
  }
}
