// The quotas of control groups, from files as Linux shows them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <initializer_list>

#include "check.h"
#include "platform.h"

namespace {

char g_root[] = "/tmp/dcelite_platform_XXXXXX";
char g_membership[128], g_mount[128];

void write_file(const char *name, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", g_root, name);
    for (char *slash = path + strlen(g_root) + 1; (slash = strchr(slash, '/')) != nullptr; *slash++ = '/') {
        *slash = '\0';
        mkdir(path, 0700);
    }
    FILE *file = fopen(path, "w");
    CHECK(file != nullptr);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQUAL(fclose(file), 0);
}

int quota(const char *membership) {
    write_file("membership", membership);
    return dce::quota_processors(g_membership, g_mount);
}

void test_version_2() {
    CHECK_EQUAL(quota("0::/\n"), 0);  // no files: the root of the machine
    write_file("mount/cpu.max", "max 100000\n");
    CHECK_EQUAL(quota("0::/\n"), 0);
    write_file("mount/cpu.max", "200000 100000\n");
    CHECK_EQUAL(quota("0::/\n"), 2);
    CHECK_EQUAL(quota("0::/seen/by/the/host/alone\n"), 2);
    write_file("mount/slice/service/cpu.max", "150000 100000\n");  // rounded up
    CHECK_EQUAL(quota("0::/slice/service\n"), 2);
    write_file("mount/slice/cpu.max", "50000 100000\n");  // the groups above count as well
    CHECK_EQUAL(quota("0::/slice/service\n"), 1);
    write_file("mount/slice/cpu.max", "100000000000000000000 100000\n");
    CHECK_EQUAL(quota("0::/slice\n"), 2);
    for (const char *nonsense : {"", "200000", "-1 100000", "0 100000", "a b", "200000 0"}) {
        write_file("mount/odd/cpu.max", nonsense);
        CHECK_EQUAL(quota("0::/odd\n"), 2);  // of the root
    }
}

void test_version_1() {
    write_file("mount/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "300000\n");
    write_file("mount/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
    write_file("mount/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    write_file("mount/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    write_file("mount/cpuset/docker/1/cpu.cfs_quota_us", "100000\n");
    write_file("mount/cpuset/docker/1/cpu.cfs_period_us", "100000\n");
    const char *membership = "12:cpuset:/docker/1\n5:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n";
    CHECK_EQUAL(quota(membership), 3);
    CHECK_EQUAL(quota("5:cpuacct,cpu:/docker/1\n"), 0);  // mounted under another name
    CHECK_EQUAL(quota("12:cpuset:/docker/1\n"), 0);
}

void test_damaged_membership() {
    for (const char *text : {"", "\n", ":", "0:", "0::", "nonsense", "0::relative\n", "::::"}) CHECK(quota(text) >= 0);
    static char text[8192] = "0::/";
    memset(text + 4, 'a', sizeof text - 5);
    CHECK(quota(text) >= 0);
    CHECK_EQUAL(dce::quota_processors("/nonexistent", g_mount), 0);
}

}  // namespace

int main() {
    CHECK(mkdtemp(g_root) != nullptr);
    snprintf(g_membership, sizeof g_membership, "%s/membership", g_root);
    snprintf(g_mount, sizeof g_mount, "%s/mount", g_root);
    test_version_2();
    test_version_1();
    test_damaged_membership();
    CHECK(dce::available_processors() >= 1);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", g_root);
    return system(command);
}
