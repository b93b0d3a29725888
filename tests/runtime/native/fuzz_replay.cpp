// Runs a fuzzer's function on every file of a folder: the corpus, without a fuzzer, in any build.
#define _FILE_OFFSET_BITS 64  // or a 32-bit program finds no file whose number has more
#include <dirent.h>
#include <errno.h>

#include <string>
#include <vector>

#include "check.h"
#include "fuzz_input.h"

namespace {

std::vector<uint8_t> read_file(const std::string &path) {
    std::vector<uint8_t> bytes(1 << 20);
    FILE *file = fopen(path.c_str(), "rb");
    CHECK(file);
    bytes.resize(fread(bytes.data(), 1, bytes.size(), file));
    CHECK(!ferror(file));
    fclose(file);
    return bytes;
}

}  // namespace

int main(int argc, char **argv) {
    CHECK_EQUAL(argc, 2);
    DIR *folder = opendir(argv[1]);
    CHECK(folder);
    int count = 0;
    errno = 0;  // which alone tells a failure from the end
    for (const dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        const std::vector<uint8_t> bytes = read_file(std::string(argv[1]) + "/" + entry->d_name);
        fprintf(stderr, "%s\n", entry->d_name);  // the last one, where a run ends early
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
        ++count;
        errno = 0;
    }
    CHECK_EQUAL(errno, 0);
    closedir(folder);
    CHECK(count > 0);
    return 0;
}
