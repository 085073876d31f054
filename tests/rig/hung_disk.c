/* Loaded before everything else: while the file named by HUNG_DISK exists, nothing is ever on the disk. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_the_disk(void) {
    const char *hung = getenv("HUNG_DISK");
    while (hung && access(hung, F_OK) == 0) usleep(10000);
}

int fsync(int fd) {
    wait_for_the_disk();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    wait_for_the_disk();
    return (int)syscall(SYS_fdatasync, fd);
}
