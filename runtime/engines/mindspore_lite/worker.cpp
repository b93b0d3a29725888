// Runs one .ms model for the Python package, in a process of its own:
//
//     worker MODEL THREADS
//
// engine.py says why. Protocol, native byte order: a Request and the image come on standard input; a Reply, and as many bytes
// as it says, go to standard output: the output of the model or, with a status other than DCE_OK, a message. The first Reply,
// unasked, holds dce_mslite_info. The worker ends when its input ends.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "dcelite_mslite.h"

namespace {

struct Request {
  int32_t height, width;
};

struct Reply {
  int64_t status;
  uint64_t length;
};

FILE *replies;

bool reply(int32_t status, const void *content, size_t length) {
  const Reply head = {status, length};
  return std::fwrite(&head, sizeof head, 1, replies) == 1 && std::fwrite(content, 1, length, replies) == length &&
         std::fflush(replies) == 0;
}

bool reply_message(int32_t status, const char *message) { return reply(status, message, std::strlen(message)); }

void serve(dce_mslite_model *model, const dce_mslite_info &info) {
  char message[512];
  std::vector<char> input, output;
  for (Request request; std::fread(&request, sizeof request, 1, stdin) == 1;) {
    const size_t value_size = info.pixels == DCE_MSLITE_FLOAT32_PLANAR ? sizeof(float) : 1;
    const size_t plane_size = value_size * request.height * request.width;
    input.resize(3 * plane_size);
    output.resize(info.channels * plane_size);
    if (std::fread(input.data(), 1, input.size(), stdin) != input.size()) return;
    const int32_t status =
        dce_mslite_model_run(model, input.data(), request.height, request.width, output.data(), message, sizeof message);
    if (!(status == DCE_OK ? reply(status, output.data(), output.size()) : reply_message(status, message))) return;
  }
}

}  // namespace

int main(int count, char **texts) {
  if (count != 3) {
    std::fprintf(stderr, "worker MODEL THREADS was wanted\n");
    return 2;
  }
  // MindSpore Lite prints to standard output too: keep that stream for the protocol alone.
  replies = fdopen(dup(STDOUT_FILENO), "wb");
  if (replies == nullptr || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 2;

  char message[512];
  dce_mslite_model *model = nullptr;
  const int32_t status = dce_mslite_model_open(texts[1], std::atoi(texts[2]), &model, message, sizeof message);
  if (status != DCE_OK) {
    reply_message(status, message);
    return 1;
  }
  dce_mslite_info info;
  dce_mslite_model_info(model, &info);
  try {
    if (reply(DCE_OK, &info, sizeof info)) serve(model, info);
  } catch (const std::bad_alloc &) {
    reply_message(DCE_ERROR_OUT_OF_MEMORY, "no memory for this image");
  }
  std::fflush(nullptr);
  std::_Exit(0);  // neither the model nor the SDK's static destructors have anything to do here
}
