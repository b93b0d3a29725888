// Converts a model to .ms with the converter of the MindSpore Lite SDK. Arguments in converter_lite's spelling:
//
//     converter --fmk=ONNX --modelFile=in.onnx --outputFile=out [--configFile=quant.cfg] [--inputShape=image:1,75,100,3]
//               [--fp16=on]
//
// Writes out.ms. Exit code 0, or 1 with a sentence on standard error. It is a program of its own because the SDK's
// converter may crash on a damaged model, and because full quantization needs a process without libmindspore-extendrt.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "include/api/format.h"
#include "include/api/status.h"
#include "include/api/types.h"
#include "include/registry/converter_context.h"

namespace mindspore {
struct ConverterPara;

// The SDK's wheel exports this class but does not carry its header. The declaration names the exported functions that are
// used here; they take std::vector<char> for text, so that either string ABI of libstdc++ links.
class Converter {
 public:
  Converter();
  ~Converter() = default;
  void SetSaveType(ModelType type);
  void SetConfigFile(const std::vector<char> &path);
  void SetWeightFp16(bool on);
  void SetInputShape(const std::map<std::vector<char>, std::vector<int64_t>> &shapes);
  Status Convert(converter::FmkType framework, const std::vector<char> &model_file, const std::vector<char> &output_file,
                 const std::vector<char> &weight_file);

 private:
  std::shared_ptr<ConverterPara> data_;
};
}  // namespace mindspore

namespace {

using Chars = std::vector<char>;
using Shapes = std::map<Chars, std::vector<int64_t>>;
using Arguments = std::map<std::string, std::string>;

Chars chars(const std::string &text) { return {text.begin(), text.end()}; }

bool fail(const std::string &reason) {
  std::fprintf(stderr, "converter: %s\n", reason.c_str());
  return false;
}

bool parse_arguments(int count, char **texts, Arguments &arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string text = texts[i];
    const size_t equals = text.find('=');
    if (text.compare(0, 2, "--") != 0 || equals == std::string::npos) return fail("unknown argument " + text);
    const auto option = arguments.find(text.substr(2, equals - 2));
    if (option == arguments.end()) return fail("unknown argument " + text);
    option->second = text.substr(equals + 1);
  }
  for (const char *name : {"modelFile", "outputFile"})
    if (arguments[name].empty()) return fail(std::string("--") + name + "=PATH is wanted");
  if (arguments["fmk"] != "ONNX") return fail("--fmk is '" + arguments["fmk"] + "', ONNX was wanted");
  return true;
}

// "name:1,3,75,100;other:1,2" -> shapes by input name.
bool parse_shapes(const std::string &text, Shapes *shapes) {
  std::istringstream items(text);
  for (std::string item; std::getline(items, item, ';');) {
    const size_t colon = item.rfind(':');
    if (colon == std::string::npos) return fail("--inputShape: '" + item + "', NAME:N,N,… was wanted");
    std::vector<int64_t> &shape = (*shapes)[chars(item.substr(0, colon))];
    const char *cursor = item.c_str() + colon;
    while (*cursor != '\0') {
      char *rest = nullptr;
      shape.push_back(std::strtoll(cursor + 1, &rest, 10));
      if (rest == cursor + 1 || (*rest != ',' && *rest != '\0')) return fail("--inputShape: no number in '" + item + "'");
      cursor = rest;
    }
  }
  return true;
}

bool convert(Arguments &values) {
  Shapes shapes;
  if (!parse_shapes(values["inputShape"], &shapes)) return false;
  mindspore::Converter converter;
  converter.SetSaveType(mindspore::kMindIR_Lite);
  if (!values["configFile"].empty()) converter.SetConfigFile(chars(values["configFile"]));
  if (!shapes.empty()) converter.SetInputShape(shapes);
  if (values["fp16"] == "on") converter.SetWeightFp16(true);
  const mindspore::Status status = converter.Convert(mindspore::converter::kFmkTypeOnnx, chars(values["modelFile"]),
                                                     chars(values["outputFile"]), {});
  return status.IsOk() || fail("MindSpore Lite reports: " + status.ToString());
}

}  // namespace

int main(int count, char **texts) {
  Arguments arguments = {
      {"fmk", ""}, {"modelFile", ""}, {"outputFile", ""}, {"configFile", ""}, {"inputShape", ""}, {"fp16", "off"}};
  bool done = false;
  try {
    done = parse_arguments(count, texts, arguments) && convert(arguments);
  } catch (const std::exception &error) {
    fail(error.what());
  }
  std::fflush(nullptr);
  // Leave without the SDK's static destructors: the result is written, and they are not safe in every version.
  std::_Exit(done ? 0 : 1);
}
