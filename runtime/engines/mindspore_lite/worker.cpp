// Runs one .ms model for the Python package, in a process of its own:
//
//     worker MODEL THREADS MEMORY      (MEMORY: file descriptor of shared memory)
//
// A process of its own, because the libraries of MindSpore Lite and of the Python package mindspore define the same symbols
// and crash each other in one process, and because a damaged model without a seal may crash MindSpore Lite.
//
// Protocol, native byte order: the worker first writes one Reply, then dce_mslite_info if it opened the model. After that,
// each Request on standard input is answered by a Reply on standard output; a reply with a status other than DCE_OK is
// followed by `length` bytes of message. The input image lies at the start of the shared memory, the output goes to
// `output_offset`. The worker ends when its input ends.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dcelite_mslite.h"

namespace {

struct Request {
  int32_t height, width;
  uint64_t output_offset, memory_size;
};

struct Reply {
  int32_t status;
  uint32_t length;
};

bool write_all(FILE *file, const void *data, size_t size) { return std::fwrite(data, 1, size, file) == size; }

bool reply(FILE *file, int32_t status, const char *message) {
  const Reply head = {status, status == DCE_OK ? 0u : static_cast<uint32_t>(std::strlen(message))};
  return write_all(file, &head, sizeof head) && write_all(file, message, head.length) && std::fflush(file) == 0;
}

void serve(dce_mslite_model *model, FILE *replies, int memory_file) {
  char message[512];
  Request request;
  void *memory = MAP_FAILED;
  uint64_t mapped = 0;
  while (std::fread(&request, sizeof request, 1, stdin) == 1) {
    if (request.memory_size != mapped) {
      if (memory != MAP_FAILED) munmap(memory, mapped);
      memory = mmap(nullptr, request.memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_file, 0);
      mapped = request.memory_size;
      if (memory == MAP_FAILED) return;
    }
    const int32_t status = dce_mslite_model_run(model, memory, request.height, request.width,
                                                static_cast<char *>(memory) + request.output_offset, message, sizeof message);
    if (!reply(replies, status, message)) return;
  }
}

}  // namespace

int main(int count, char **texts) {
  if (count != 4) {
    std::fprintf(stderr, "worker MODEL THREADS MEMORY was wanted\n");
    return 2;
  }
  // MindSpore Lite prints to standard output too: keep that stream for the protocol alone.
  FILE *replies = fdopen(dup(STDOUT_FILENO), "wb");
  if (replies == nullptr || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 2;

  char message[512];
  dce_mslite_model *model = nullptr;
  const int32_t status = dce_mslite_model_open(texts[1], std::atoi(texts[2]), &model, message, sizeof message);
  if (!reply(replies, status, message) || status != DCE_OK) return 1;
  dce_mslite_info info;
  dce_mslite_model_info(model, &info);
  if (write_all(replies, &info, sizeof info) && std::fflush(replies) == 0) serve(model, replies, std::atoi(texts[3]));
  dce_mslite_model_close(model);
  std::fflush(nullptr);
  std::_Exit(0);  // the SDK's static destructors have nothing to do here
}
