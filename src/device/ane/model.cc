#include "device/ane/model.h"

#include <thread>

#include "device/ane/request_side.h"
#include "device/ane/statistics.h"
#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kQuality = mil::kUsualQuality;

// The answer of a call that fills an error object where it answers NO.
template <class Call>
Result<> answered(std::string_view what, const Call& call) {
  Id error = nullptr;
  if (TRY(call(&error)) != 0) return {};
  return fail("{}: {}", what, error_text(error));
}

class ModelRequest final : public Request {
 public:
  ModelRequest(std::shared_ptr<Model> model, Side inputs, Side outputs, const RequestOptions& options)
      : model_(std::move(model)), inputs_(std::move(inputs)), outputs_(std::move(outputs)), options_(options) {}
  ~ModelRequest() override {
    const Pool pool;
    statistics_.reset();
    request_ = Owned();
    weights_ = Owned();
  }

  Result<> prepare() {
    const Pool pool;
    if (options_.weights != nullptr) {
      const auto* surface = dynamic_cast<IoSurface*>(options_.weights);
      if (surface == nullptr) return fail("the surface of weights must be one that ane allocated");
      weights_ = Owned::retained(TRY(framework().wrap.of_class(surface->handle())));
    }
    statistics_.emplace();
    return make();
  }

  Result<RunTime> run() override {
    const auto start = Clock::now();
    TRY(inputs_.check());
    inputs_.copy_in();
    TRY(evaluate());
    outputs_.copy_out();
    TRY(outputs_.check());
    const std::optional<std::chrono::nanoseconds> measured = statistics_ ? statistics_->time() : std::nullopt;
    if (statistics_ && statistics_->array() != nullptr && !measured) TRY(ask_no_more());
    return RunTime{.wall = Clock::now() - start, .device = measured};
  }

 private:
  const Framework& framework() const { return model_->framework(); }

  Result<> make() {
    const Id statistics = statistics_ ? statistics_->array() : nullptr;
    const Id object =
        TRY(request_object(framework(), inputs_, outputs_, {weights_.get(), statistics, options_.procedure}));
    request_ = Owned::retained(object);
    return {};
  }

  Result<> evaluate() {
    const Pool pool;
    Result<> done = evaluate_once();
    if (done || !statistics_ || statistics_->array() == nullptr) return done;
    TRY(ask_no_more());
    return evaluate_once();
  }
  Result<> evaluate_once() {
    return answered("the engine could not evaluate a program", [&](Id* error) {
      return model_->real_time().evaluate(model_->object(), options_.qos, request_.get(), error);
    });
  }

  Result<> ask_no_more() {
    const Pool pool;
    Statistics::give_up();
    statistics_.reset();
    return make();
  }

  std::shared_ptr<Model> model_;
  Side inputs_, outputs_;
  RequestOptions options_;
  Owned weights_, request_;
  std::optional<Statistics> statistics_;
};

}  // namespace

Result<std::shared_ptr<Model>> Model::create(const Framework& framework, ProgramFolders& folders,
                                             std::shared_ptr<const RealTime> real_time, const EngineProgram& program) {
  const Pool pool;
  auto model = std::shared_ptr<Model>(new Model(framework, std::move(real_time), program));
  TRY(model->describe(program));
  const Id name = TRY(framework.identifier(model->object()));
  model->folder_ = TRY(folders.create(text_of(name), program.files()));
  TRY(model->compile());
  TRY(model->load());
  return model;
}

Result<> Model::describe(const EngineProgram& program) {
  std::vector<std::pair<Id, Id>> weights;
  for (const WeightFile& file : program.weights) {
    const Id entry = dictionary_of({{string_of("offset"), number_of(0)}, {string_of("data"), data_of(file.bytes)}});
    weights.emplace_back(string_of("@model_path/" + file.path), entry);
  }
  const Id text = data_of(std::as_bytes(std::span(program.text)));
  const Id descriptor = TRY(framework_.describe.of_class(text, dictionary_of(weights), nullptr));
  if (descriptor == nullptr) return fail("the framework does not take the program's text: it gave no descriptor");
  object_ = Owned::retained(TRY(framework_.make_model.of_class(descriptor)));
  if (!object_) return fail("the framework made no model of the program");
  return {};
}

Result<> Model::compile() {
  return answered("the engine's compiler refuses a program",
                  [&](Id* error) { return framework_.compile(object(), kQuality, framework_.no_options(), error); });
}

// Loading fails now and then for no lasting reason: it is tried twice.
Result<> Model::load() {
  const Pool pool;
  const auto once = [&] {
    return answered("the engine could not load a program",
                    [&](Id* error) { return framework_.load(object(), kQuality, framework_.no_options(), error); });
  };
  if (!once()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    TRY(once());
  }
  loaded_ = true;
  return {};
}

Result<> Model::unload() {
  const Pool pool;
  loaded_ = false;
  return answered("the engine could not unload a program",
                  [&](Id* error) { return framework_.unload(object(), kQuality, error); });
}

Model::~Model() {
  const Pool pool;
  if (loaded_) static_cast<void>(unload());  // nobody is left to hear of it
  object_ = Owned();
}

Result<std::unique_ptr<Request>> Model::bind(const BoundSurfaces& surfaces, const RequestOptions& options) {
  Side inputs = TRY(Side::create(surfaces.inputs, inputs_));
  Side outputs = TRY(Side::create(surfaces.outputs, outputs_));
  auto request = std::make_unique<ModelRequest>(shared_from_this(), std::move(inputs), std::move(outputs), options);
  TRY(request->prepare());
  return request;
}

}  // namespace anemone::ane
