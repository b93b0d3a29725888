#include "dcelite_mslite.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/types.h"
#include "model_check.h"

namespace {

using mindspore::DataType;
using mindspore::MSTensor;

constexpr int32_t kMaxThreads = 64;
constexpr int32_t kImageChannels = 3;
constexpr int32_t kProbeSize = 4;  // pixels; curve networks are run once at this size to learn their output

struct Failure {  // on its way to the C interface
  dce_status status;
  std::string text;
};

[[noreturn]] void fail(dce_status status, const std::string &text) { throw Failure{status, text}; }

void write_message(const std::string &text, char *message, size_t size) {
  if (message != nullptr) std::snprintf(message, size, "%s", text.c_str());
}

// Runs `body`; whatever it throws becomes a status and a message.
template <typename Body>
dce_status guarded(char *message, size_t message_size, Body body) {
  write_message("", message, message_size);
  try {
    body();
    return DCE_OK;
  } catch (const Failure &failure) {
    write_message(failure.text, message, message_size);
    return failure.status;
  } catch (const std::bad_alloc &) {
    write_message("not enough memory", message, message_size);
    return DCE_ERROR_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    write_message(std::string("MindSpore Lite failed: ") + error.what(), message, message_size);
    return DCE_ERROR_ENGINE;
  } catch (...) {
    write_message("MindSpore Lite failed", message, message_size);
    return DCE_ERROR_ENGINE;
  }
}

std::vector<uint8_t> read_file(const std::string &path) {
  const auto close = [](FILE *file) { std::fclose(file); };
  const std::unique_ptr<FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  if (!file) fail(DCE_ERROR_FILE, path + ": cannot be opened: " + std::strerror(errno));
  std::vector<uint8_t> bytes;
  for (size_t count = 1; count > 0;) {
    const size_t size = bytes.size();
    bytes.resize(size + (1 << 16));
    count = std::fread(bytes.data() + size, 1, 1 << 16, file.get());
    bytes.resize(size + count);
  }
  if (std::ferror(file.get())) fail(DCE_ERROR_FILE, path + ": cannot be read: " + std::strerror(errno));
  return bytes;
}

std::string shape_text(const std::vector<int64_t> &shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

// Whether the channels of an image come first or last.
enum class Layout { kPlanar, kInterleaved };

// Copies an image of `area` pixels; where the layout of the target is not that of the source, with it changed.
template <typename Value>
void copy_image(const void *from, Layout source, void *to, Layout target, size_t area, size_t channels) {
  const Value *values = static_cast<const Value *>(from);
  Value *copies = static_cast<Value *>(to);
  const size_t rows = source == Layout::kPlanar ? channels : area, columns = area * channels / rows;
  if (source == target)
    std::memcpy(to, from, area * channels * sizeof(Value));
  else
    for (size_t row = 0; row < rows; ++row)
      for (size_t i = 0; i < columns; ++i) copies[i * rows + row] = values[row * columns + i];
}

// Of a 4-D tensor. Only these two layouts exist in .ms models of images.
Layout layout_of(MSTensor tensor) {
  return tensor.format() == mindspore::NHWC ? Layout::kInterleaved : Layout::kPlanar;
}

std::vector<int64_t> layout_shape(Layout layout, int64_t height, int64_t width, int64_t channels) {
  if (layout == Layout::kInterleaved) return {1, height, width, channels};
  return {1, channels, height, width};
}

}  // namespace

struct dce_mslite_model {
  dce_mslite_info info = {};
  std::unique_ptr<mindspore::Model> lite;
  std::vector<MSTensor> inputs;
  int32_t height = 0, width = 0;  // the size that `lite` is prepared for; 0: none
  bool was_resized = false;       // `lite`, since it was built, with success or without
  std::vector<uint8_t> bytes;     // of the model
  int32_t threads = 1;

  void open(const void *data, size_t size, int32_t threads);
  void run(const void *input, int32_t height, int32_t width, void *output);

 private:
  void build();
  void read_input();
  void read_output();
  bool is_float() const { return info.pixels == DCE_MSLITE_FLOAT32_PLANAR; }
  size_t value_size() const { return is_float() ? sizeof(float) : 1; }
  void *prepare(int32_t height, int32_t width);
  MSTensor predict();
};

void dce_mslite_model::open(const void *data, size_t size, int32_t wanted) {
  if (wanted < 0 || wanted > kMaxThreads)
    fail(DCE_ERROR_INVALID_ARGUMENT, "threads is " + std::to_string(wanted) + ", 0 to 64 was wanted");
  dcelite::Seal seal;
  const std::string reason = dcelite::check_model(static_cast<const uint8_t *>(data), size, &seal);
  if (!reason.empty()) fail(DCE_ERROR_MODEL, reason);
  const int32_t all = std::clamp(static_cast<int32_t>(std::thread::hardware_concurrency()), 1, kMaxThreads);
  threads = wanted == 0 ? all : wanted;
  bytes.assign(static_cast<const uint8_t *>(data), static_cast<const uint8_t *>(data) + size);
  build();
  info.sealed = seal.present ? 1 : 0;
  info.scale = seal.scale;
  read_input();
  read_output();
  if (info.scale == 0) info.scale = info.kind == DCE_MSLITE_CURVE_MAP && info.channels == kImageChannels ? 12 : 1;
}

void dce_mslite_model::build() {
  const auto context = std::make_shared<mindspore::Context>();
  context->SetThreadNum(threads);
  context->MutableDeviceInfo().push_back(std::make_shared<mindspore::CPUDeviceInfo>());
  inputs.clear();
  was_resized = false;
  lite = std::make_unique<mindspore::Model>();
  if (!lite->Build(bytes.data(), bytes.size(), mindspore::kMindIR_Lite, context).IsOk())
    fail(DCE_ERROR_MODEL, "is refused by MindSpore Lite: damaged, or made for another version of it");
}

void dce_mslite_model::read_input() {
  inputs = lite->GetInputs();
  if (inputs.size() != 1) fail(DCE_ERROR_MODEL, "has " + std::to_string(inputs.size()) + " inputs, one image was wanted");
  const std::vector<int64_t> shape = inputs[0].Shape();
  const bool last = layout_of(inputs[0]) == Layout::kInterleaved;
  if (shape.size() != 4 || shape[last ? 3 : 1] != kImageChannels || (shape[0] != 1 && shape[0] != -1))
    fail(DCE_ERROR_MODEL, "has an input of shape " + shape_text(shape) + ", one image of 3 channels was wanted");
  const int64_t rows = shape[last ? 1 : 2], columns = shape[last ? 2 : 3];
  if (rows > DCE_MAX_DIMENSION || columns > DCE_MAX_DIMENSION)
    fail(DCE_ERROR_MODEL, "has an input of shape " + shape_text(shape) + ", at most 65535 pixels a side were wanted");
  info.height = static_cast<int32_t>(std::max<int64_t>(rows, 0));
  info.width = static_cast<int32_t>(std::max<int64_t>(columns, 0));
  switch (inputs[0].DataType()) {
    case DataType::kNumberTypeFloat32: info.pixels = DCE_MSLITE_FLOAT32_PLANAR; break;
    case DataType::kNumberTypeUInt8: info.pixels = DCE_MSLITE_UINT8_INTERLEAVED; break;
    default: fail(DCE_ERROR_MODEL, "has an input that is neither float32 nor uint8");
  }
}

// Learns kind and channels of the output. A curve network's output has no shape before it ran once, so it is run on black.
void dce_mslite_model::read_output() {
  const std::vector<std::string> names = lite->GetOutputTensorNames();
  if (names.size() != 1) fail(DCE_ERROR_MODEL, "has " + std::to_string(names.size()) + " outputs, one was wanted");
  if (names[0] != "curve_map" && names[0] != "enhanced")
    fail(DCE_ERROR_MODEL, "has the output '" + names[0] + "', 'curve_map' or 'enhanced' was wanted");
  if (names[0] == "enhanced") {
    info.kind = DCE_MSLITE_ENHANCED;
    info.channels = kImageChannels;
    if (info.height == 0 || info.width == 0) fail(DCE_ERROR_MODEL, "is a whole graph without a fixed size");
    height = info.height;
    width = info.width;
    return;
  }
  info.kind = DCE_MSLITE_CURVE_MAP;
  info.height = info.width = 0;
  if (!is_float()) fail(DCE_ERROR_MODEL, "is a curve network with uint8 input, float32 was wanted");
  void *image = prepare(kProbeSize, kProbeSize);
  std::memset(image, 0, inputs[0].DataSize());
  const MSTensor map = predict();
  const std::vector<int64_t> shape = map.Shape();
  const int64_t channels = shape.size() == 4 ? shape[layout_of(map) == Layout::kInterleaved ? 3 : 1] : 0;
  if (channels != kImageChannels && channels != kImageChannels * DCE_ITERATIONS)
    fail(DCE_ERROR_MODEL, "has a curve map of shape " + shape_text(shape) + ", 3 or 24 channels were wanted");
  info.channels = static_cast<int32_t>(channels);
}

// Makes `lite` ready for images of this size; returns the memory of its input.
void *dce_mslite_model::prepare(int32_t rows, int32_t columns) {
  const std::string size = std::to_string(columns) + "x" + std::to_string(rows);
  if (rows != height || columns != width) {
    // Resized a second time, MindSpore Lite 2.0 writes beyond the memory that it took for a smaller size (networks with a scene
    // head: from 1x1 to 1x17), or never returns.
    if (was_resized) {
      build();
      inputs = lite->GetInputs();
    }
    height = width = 0;
    was_resized = true;
    if (!lite->Resize(inputs, {layout_shape(layout_of(inputs[0]), rows, columns, kImageChannels)}).IsOk())
      fail(DCE_ERROR_ENGINE, "MindSpore Lite cannot resize the model to " + size);
    inputs = lite->GetInputs();
  }
  const size_t bytes = value_size() * kImageChannels * rows * columns;
  if (inputs.size() != 1 || inputs[0].DataSize() != bytes || inputs[0].MutableData() == nullptr)
    fail(DCE_ERROR_ENGINE, "MindSpore Lite has no memory for an image of " + size);
  height = rows;
  width = columns;
  return inputs[0].MutableData();
}

MSTensor dce_mslite_model::predict() {
  std::vector<MSTensor> outputs;
  const mindspore::Status status = lite->Predict(inputs, &outputs);
  if (!status.IsOk()) fail(DCE_ERROR_ENGINE, "MindSpore Lite failed to run the model: " + status.ToString());
  if (outputs.size() != 1 || outputs[0].MutableData() == nullptr) fail(DCE_ERROR_ENGINE, "MindSpore Lite gave no output");
  return outputs[0];
}

void dce_mslite_model::run(const void *input, int32_t rows, int32_t columns, void *output) {
  if (input == nullptr || output == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "input or output is null");
  const std::string size = std::to_string(columns) + "x" + std::to_string(rows);
  if (rows < 1 || columns < 1 || rows > DCE_MAX_DIMENSION || columns > DCE_MAX_DIMENSION)
    fail(DCE_ERROR_INVALID_ARGUMENT, "the image is " + size + ", 1 to 65535 pixels a side were wanted");
  if (info.kind == DCE_MSLITE_ENHANCED && (rows != info.height || columns != info.width))
    fail(DCE_ERROR_INVALID_ARGUMENT, "the image is " + size + ", the model was made for " + std::to_string(info.width) +
                                         "x" + std::to_string(info.height) + " alone");
  void *source = prepare(rows, columns);
  const Layout layout = is_float() ? Layout::kPlanar : Layout::kInterleaved;
  const auto copy = is_float() ? copy_image<float> : copy_image<uint8_t>;
  const size_t area = static_cast<size_t>(rows) * columns;
  copy(input, layout, source, layout_of(inputs[0]), area, kImageChannels);

  MSTensor result = predict();
  const DataType wanted = is_float() ? DataType::kNumberTypeFloat32 : DataType::kNumberTypeUInt8;
  if (result.DataType() != wanted || result.DataSize() != area * info.channels * value_size() ||
      result.Shape() != layout_shape(layout_of(result), rows, columns, info.channels))
    fail(DCE_ERROR_MODEL, "has an output of shape " + shape_text(result.Shape()) + " for an image of " + size);
  copy(result.MutableData(), layout_of(result), output, layout, area, info.channels);
}

namespace {

std::unique_ptr<dce_mslite_model> open_file(const char *path, int32_t threads) {
  if (path == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "the path is null");
  const std::vector<uint8_t> bytes = read_file(path);
  auto model = std::make_unique<dce_mslite_model>();
  try {
    model->open(bytes.data(), bytes.size(), threads);
  } catch (Failure &failure) {
    if (failure.status != DCE_ERROR_INVALID_ARGUMENT) failure.text = std::string(path) + ": " + failure.text;
    throw;
  }
  return model;
}

}  // namespace

dce_status dce_mslite_open(const char *path, int32_t threads, dce_engine *engine, char *message, size_t message_size) {
  return guarded(message, message_size, [&] {
    if (engine == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "the engine is null");
    auto model = open_file(path, threads);
    if (model->info.kind != DCE_MSLITE_CURVE_MAP)
      fail(DCE_ERROR_MODEL, std::string(path) + ": is a whole graph with resize and curve, a curve network was wanted");
    const auto run = [](void *context, const float *image, int32_t height, int32_t width, float *map, char *text,
                        size_t text_size) -> int {
      return dce_mslite_model_run(static_cast<dce_mslite_model *>(context), image, height, width, map, text, text_size);
    };
    const auto destroy = [](void *context) { dce_mslite_model_close(static_cast<dce_mslite_model *>(context)); };
    const dce_mslite_info &info = model->info;
    *engine = dce_engine{sizeof(dce_engine), model.get(), info.channels, info.scale, run, destroy};
    static_cast<void>(model.release());
  });
}

dce_status dce_mslite_model_open(const char *path, int32_t threads, dce_mslite_model **model, char *message,
                                 size_t message_size) {
  return guarded(message, message_size, [&] {
    if (model == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "the model is null");
    *model = nullptr;
    *model = open_file(path, threads).release();
  });
}

dce_status dce_mslite_model_open_memory(const void *data, size_t data_size, int32_t threads, dce_mslite_model **model,
                                        char *message, size_t message_size) {
  return guarded(message, message_size, [&] {
    if (model == nullptr || data == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "the model or its data is null");
    *model = nullptr;
    auto opened = std::make_unique<dce_mslite_model>();
    opened->open(data, data_size, threads);
    *model = opened.release();
  });
}

void dce_mslite_model_info(const dce_mslite_model *model, dce_mslite_info *info) { *info = model->info; }

dce_status dce_mslite_model_run(dce_mslite_model *model, const void *input, int32_t height, int32_t width, void *output,
                                char *message, size_t message_size) {
  return guarded(message, message_size, [&] {
    if (model == nullptr) fail(DCE_ERROR_INVALID_ARGUMENT, "the model is null");
    model->run(input, height, width, output);
  });
}

void dce_mslite_model_close(dce_mslite_model *model) { delete model; }
