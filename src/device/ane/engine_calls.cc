#include "device/ane/engine_calls.h"

#include <fmt/format.h>

#include "device/ane/model.h"
#include "device/ane/program.h"
#include "device/ane/request_side.h"
#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

constexpr uint32_t kQuality = mil::kUsualQuality;

std::string words(Bool answer) { return answer != 0 ? "YES" : "NO"; }
std::string words(uint32_t answer) { return std::to_string(answer); }
std::string words(uint64_t answer) { return std::to_string(answer); }
std::string words(Id answer) {
  if (answer == nullptr) return "nil";
  const Runtime& runtime = Runtime::get();
  return fmt::format("an object of {}", runtime.class_getName(runtime.object_getClass(answer)));
}

// Asks one message after another, and writes down what comes back. A method that is not there answers nothing.
class Inquiry {
 public:
  template <class Answer, class... Args, class... Given>
  Answer ask(const Message<Answer(Args...)>& message, Id receiver, Given... given) {
    if (const Result<> there = message.check(); !there) return none<Answer>(message, there.error().message);
    if (receiver == nullptr) return none<Answer>(message, "not asked: there is no object to ask");
    const Result<Answer> answer = message(receiver, given...);
    if (!answer) return none<Answer>(message, answer.error().message);
    note(message, *answer != Answer(), words(*answer));
    return *answer;
  }
  // Of the class itself.
  template <class Answer, class... Args, class... Given>
  Answer ask_class(const Message<Answer(Args...)>& message, Given... given) {
    return ask(message, class_named(message.name().owner), given...);
  }
  // A message that fills an error, its last argument, where it answers NO.
  template <class... Args, class... Given>
  bool try_to(const Message<Bool(Args...)>& message, Id receiver, Given... given) {
    Id error = nullptr;
    const Bool answer = ask(message, receiver, given..., &error);
    if (answer == 0 && answers.back().answer == "NO") answers.back().answer += ": " + error_text(error);
    return answer != 0;
  }
  template <class Signature>
  void note(const Message<Signature>& message, bool taken, std::string answer) {
    answers.push_back({message.name().text(), taken, std::move(answer), {}});
  }

  std::vector<EngineAnswer> answers;

 private:
  template <class Answer, class Signature>
  Answer none(const Message<Signature>& message, const std::string& why) {
    note(message, false, why);
    return Answer();
  }
};

// alloc is asked of a class, init of what it gave.
Id made(Inquiry& inquiry, const char* name) {
  const Message<Id()> init(name, Of::instances, "init");
  return inquiry.ask(init, class_named(name) == nullptr ? nullptr : send<Id>(class_named(name), "alloc"));
}

// What the calls below have to do with: a program that runs in this process, and its surfaces.
struct Subject {
  Model& model;
  Side inputs, outputs;

  static Result<Subject> of(anemone::Program& given, const EngineCalls::Surfaces& inputs,
                            const EngineCalls::Surfaces& outputs) {
    auto* program = dynamic_cast<Program*>(&given);
    if (program == nullptr) return fail("another device than ane compiled this program");
    auto* model = dynamic_cast<Model*>(&program->loaded());
    if (model == nullptr) return fail("a worker process runs this program: ask in a process that has compiled little");
    TRY(check_surfaces(program->signature(), inputs, outputs));
    const BoundSurfaces bound = program->in_order(inputs, outputs);
    Side in = TRY(Side::create(bound.inputs, model->inputs()));
    Side out = TRY(Side::create(bound.outputs, model->outputs()));
    return Subject{*model, std::move(in), std::move(out)};
  }
};

bool evaluate(Inquiry& inquiry, const Framework& framework, const Subject& subject, Id request) {
  subject.inputs.copy_in();
  const bool done =
      inquiry.try_to(framework.evaluate, subject.model.object(), kQuality, framework.no_options(), request);
  subject.outputs.copy_out();
  return done;
}

}  // namespace

EngineCalls::Answers Calls::rewrite_weights(anemone::Program& given, const mil::Weights& weights) {
  const Pool pool;
  auto* program = dynamic_cast<Program*>(&given);
  auto* model = program == nullptr ? nullptr : dynamic_cast<Model*>(&program->loaded());
  if (model == nullptr) return fail("only a program that ane runs in this process has files to overwrite");
  const std::vector<WeightFile> files = TRY(program->weight_files(weights));
  Inquiry inquiry;
  std::vector<FolderFile> written;
  for (const WeightFile& file : files) {
    written.push_back({file.path, file.bytes});
    inquiry.answers.push_back({file.path, true, fmt::format("overwritten with {} bytes", file.bytes.size()), {}});
  }
  TRY(model->folder().write(written));
  model->mark_altered();
  const auto record = [&](const auto& message, const Result<>& answer) {
    inquiry.note(message, answer.has_value(), answer ? "YES" : answer.error().message);
  };
  record(framework_.unload, model->unload());
  record(framework_.load, model->load());
  return inquiry.answers;
}

// ---- Statistics

EngineCalls::Answers Calls::statistics(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) {
  constexpr const char* kClass = "_ANEPerformanceStats";
  const Pool pool;
  const Subject subject = TRY(Subject::of(program, inputs, outputs));
  Inquiry inquiry;
  made(inquiry, kClass);
  inquiry.ask_class(Message<uint32_t(uint32_t)>(kClass, Of::classes, "driverMaskForANEFMask:"), 0xFFU);
  const Id statistics =
      inquiry.ask_class(Message<Id(uint64_t)>(kClass, Of::classes, "statsWithHardwareExecutionNS:"), uint64_t{0});
  const Message<void(uint32_t)> set_mask("_ANEInMemoryModel", Of::instances, "setPerfStatsMask:");
  const Result<> masked = is_there(set_mask) ? set_mask(subject.model.object(), 0xFF) : set_mask.check();
  inquiry.note(set_mask, masked.has_value(), masked ? "set to 0xff" : masked.error().message);
  if (statistics == nullptr) return inquiry.answers;
  const Result<Id> request =
      request_object(framework_, subject.inputs, subject.outputs, {.statistics = array_of({statistics})});
  inquiry.note(framework_.make_request, request.has_value(), request ? words(*request) : request.error().message);
  if (!request || !evaluate(inquiry, framework_, subject, *request)) return inquiry.answers;
  inquiry.ask(Message<uint64_t()>(kClass, Of::instances, "hwExecutionTime"), statistics);
  inquiry.ask(Message<Id()>(kClass, Of::instances, "perfCounterData"), statistics);
  inquiry.ask(Message<Id()>(kClass, Of::instances, "pStatsRawData"), statistics);
  return inquiry.answers;
}

// ---- Events

EngineCalls::Answers Calls::shared_events(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) {
  const Pool pool;
  const Subject subject = TRY(Subject::of(program, inputs, outputs));
  Inquiry inquiry;
  const Owned event = Owned::taken(made(inquiry, "IOSurfaceSharedEvent"));
  if (!event) return inquiry.answers;
  const Id signal = inquiry.ask_class(
      Message<Id(uint64_t, uint32_t, int64_t, Id)>("_ANESharedSignalEvent", Of::classes,
                                                   "signalEventWithValue:symbolIndex:eventType:sharedEvent:"),
      uint64_t{1}, 0U, int64_t{0}, event.get());
  inquiry.ask_class(Message<Id(uint64_t, Id)>("_ANESharedWaitEvent", Of::classes, "waitEventWithValue:sharedEvent:"),
                    uint64_t{0}, event.get());
  if (signal == nullptr) return inquiry.answers;
  // Nothing is waited for, lest a probe hang.
  const Id events = inquiry.ask_class(
      Message<Id(Id, Id)>("_ANESharedEvents", Of::classes, "sharedEventsWithSignalEvents:waitEvents:"),
      array_of({signal}), array_of({}));
  const Id request = TRY(request_object(framework_, subject.inputs, subject.outputs, {}));
  const Message<void(Id)> set_events("_ANERequest", Of::instances, "setSharedEvents:");
  const Result<> set = events != nullptr && is_there(set_events) ? set_events(request, events) : set_events.check();
  inquiry.note(set_events, set.has_value() && events != nullptr, set ? "set" : set.error().message);
  evaluate(inquiry, framework_, subject, request);
  inquiry.ask(Message<uint64_t()>("IOSurfaceSharedEvent", Of::instances, "signaledValue"), event.get());
  return inquiry.answers;
}

// ---- Chaining

namespace {

// _ANEBuffers of one side.
Id buffers(Inquiry& inquiry, const Framework& framework, const Side& side, int64_t source) {
  const Message<Id(Id, Id, int64_t)> make("_ANEBuffer", Of::classes, "bufferWithIOSurfaceObject:symbolIndex:source:");
  const Result<Id> wrapped = side.wrapped(framework);
  if (!wrapped) return nullptr;
  std::vector<Id> all;
  for (uint64_t i = 0; i < send<uint64_t>(*wrapped, "count"); ++i) {
    const Id buffer = inquiry.ask_class(make, send<Id>(*wrapped, "objectAtIndex:", i), number_of(i), source);
    if (buffer == nullptr) return nullptr;
    all.push_back(buffer);
  }
  return array_of(all);
}

Id chaining_request(Inquiry& inquiry, Id inputs, Id output_sets) {
  const Message<Id(Id, Id, Id, Id, Id, Id, Id, Id, Id)> make(
      "_ANEChainingRequest", Of::classes,
      "chainingRequestWithInputs:outputSets:lbInputSymbolId:lbOutputSymbolId:procedureIndex:signalEvents:"
      "transactionHandle:fwEnqueueDelay:memoryPoolId:");
  const Id none = nullptr;
  return inquiry.ask_class(make, inputs, output_sets, none, none, none, array_of({}), number_of(0), number_of(0),
                           number_of(0));
}

// A chain that is prepared: inputs said to be ready, then a set of outputs to be filled.
void run_chain(Inquiry& inquiry, const Framework& framework, Id client, Id model) {
  const Id ready =
      inquiry.ask_class(Message<Id(uint32_t, Id, Id, uint64_t)>(
                            "_ANEInputBuffersReady", Of::classes,
                            "inputBuffersWithProcedureIndex:inputBufferInfoIndex:inputFreeValue:executionDelay:"),
                        0U, array_of({number_of(0)}), array_of({number_of(0)}), uint64_t{0});
  inquiry.try_to(Message<Bool(Id, Id, Id, uint32_t, Id*)>("_ANEClient", Of::instances,
                                                          "buffersReadyWithModel:inputBuffers:options:qos:error:"),
                 client, model, ready, framework.no_options(), kQuality);
  const Id set =
      inquiry.ask_class(Message<Id(uint32_t, uint32_t, uint64_t, Bool, Bool)>(
                            "_ANEOutputSetEnqueue", Of::classes,
                            "outputSetWithProcedureIndex:setIndex:signalValue:signalNotRequired:isOpenLoop:"),
                        0U, 0U, uint64_t{0}, Bool{1}, Bool{0});
  inquiry.try_to(Message<Bool(Id, Id, Id, uint32_t, Id*)>("_ANEClient", Of::instances,
                                                          "enqueueSetsWithModel:outputSet:options:qos:error:"),
                 client, model, set, framework.no_options(), kQuality);
}

// A client of its own, which the one known success had.
Owned fresh_client(Inquiry& inquiry) {
  const Message<Id(Bool)> init("_ANEClient", Of::instances, "initWithRestrictedAccessAllowed:");
  const Id owner = class_named("_ANEClient");
  return Owned::taken(inquiry.ask(init, owner == nullptr ? nullptr : send<Id>(owner, "alloc"), Bool{0}));
}

}  // namespace

EngineCalls::Answers Calls::chaining(anemone::Program& program, const Surfaces& inputs, const Surfaces& outputs) {
  const Pool pool;
  const Subject subject = TRY(Subject::of(program, inputs, outputs));
  const std::unique_ptr<IoSurface> counters = TRY(IoSurface::create(64));
  Inquiry inquiry;
  const Id in = buffers(inquiry, framework_, subject.inputs, 0);
  const Id out = buffers(inquiry, framework_, subject.outputs, 1);
  if (in == nullptr || out == nullptr) return inquiry.answers;
  const Id set = inquiry.ask_class(
      Message<Id(void*, Id)>("_ANEIOSurfaceOutputSets", Of::classes, "objectWithstatsSurRef:outputBuffer:"),
      counters->handle(), out);
  if (set == nullptr) return inquiry.answers;
  const Id request = chaining_request(inquiry, in, array_of({set}));
  inquiry.ask(Message<Bool()>("_ANEChainingRequest", Of::instances, "validate"), request);
  const Owned client = fresh_client(inquiry);
  const Id model = inquiry.ask(Message<Id()>("_ANEInMemoryModel", Of::instances, "model"), subject.model.object());
  const Message<Bool(Id, Id, Id, uint32_t, Id*)> prepare("_ANEClient", Of::instances,
                                                         "prepareChainingWithModel:options:chainingReq:qos:error:");
  if (inquiry.try_to(prepare, client.get(), model, framework_.no_options(), request, kQuality)) {
    run_chain(inquiry, framework_, client.get(), model);
  }
  return inquiry.answers;
}

// ---- Real time

namespace {

std::vector<EngineAnswer> told(const char* call, bool answer) { return {{call, answer, answer ? "YES" : "NO", {}}}; }

}  // namespace

EngineCalls::Answers Calls::begin_real_time() {
  return told("-[_ANEClient beginRealTimeTask]", TRY(real_time_.begin()));
}

EngineCalls::Answers Calls::end_real_time() { return told("-[_ANEClient endRealTimeTask]", TRY(real_time_.end())); }

}  // namespace anemone::ane
