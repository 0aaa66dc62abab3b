#include <cstring>
#include <map>

#include "device/ane/io_surface.h"
#include "device/ane/model.h"
#include "device/ane/shared_ports.h"
#include "device/ane/worker.h"

namespace anemone::ane {
namespace {

using Surfaces = std::vector<std::unique_ptr<IoSurface>>;

// A request of the other process, over surfaces of this one.
struct ServedRequest {
  SharedPorts ports;
  SharedMemory memory;
  Surfaces inputs, outputs;
  std::unique_ptr<IoSurface> weights;
  std::unique_ptr<Request> request;
};

Result<Surfaces> allocate(const std::vector<EnginePort>& ports) {
  Surfaces surfaces;
  for (const EnginePort& port : ports) surfaces.push_back(TRY(IoSurface::create(port.bytes)));
  return surfaces;
}

std::vector<Surface*> pointers(const Surfaces& surfaces) {
  std::vector<Surface*> all;
  for (const auto& surface : surfaces) all.push_back(surface.get());
  return all;
}

std::vector<EnginePort> ports_in(Packet& packet) {
  std::vector<EnginePort> ports(packet.number());
  for (size_t i = 0; i < ports.size(); ++i)
    ports[i] = {.index = i, .bytes = packet.number(), .declared = packet.number()};
  return ports;
}

EngineProgram program_in(Packet packet) {
  EngineProgram program;
  program.text = packet.text();
  program.inputs = ports_in(packet);
  program.outputs = ports_in(packet);
  program.weights.resize(packet.number());
  for (WeightFile& file : program.weights) {
    file.path = packet.text();
    const std::span<const std::byte> bytes = packet.taken();
    file.bytes.assign(bytes.begin(), bytes.end());
  }
  return program;
}

void write(const SharedMemory& memory, const Place& place, IoSurface& surface) {
  const Map map = surface.map(Access::write);
  std::memcpy(map.bytes().data(), memory.bytes().data() + place.offset, place.bytes);
}
void read(IoSurface& surface, const Place& place, const SharedMemory& memory) {
  const Map map = surface.map(Access::read);
  std::memcpy(memory.bytes().data() + place.offset, map.bytes().data(), place.bytes);
}

class Server {
 public:
  explicit Server(Channel channel) : channel_(std::move(channel)) {}

  // Until the other end is closed, which is no failure.
  void serve() {
    std::vector<std::byte> bytes;
    Descriptor descriptor;
    while (const Result<Header> asked = channel_.receive(bytes, descriptor)) {
      const Result<Header> answer = done(*asked, bytes, descriptor);
      if (!(answer ? channel_.send(*answer) : refuse(answer.error()))) return;
    }
  }

 private:
  Result<> refuse(const Error& error) {
    Packet packet;
    packet.put(error.message);
    return channel_.send({.kind = Kind::failed}, packet.bytes());
  }

  Result<Header> done(const Header& asked, std::vector<std::byte>& bytes, Descriptor& descriptor) {
    switch (asked.kind) {
      case Kind::load:
        return load(program_in(Packet(std::move(bytes))));
      case Kind::bind:
        return bind(asked.id, Packet(std::move(bytes)), std::move(descriptor));
      case Kind::run:
        return run(asked.id, asked.number != 0);
      case Kind::free_request:
        requests_.erase(asked.id);
        return Header();
      case Kind::free_program:
        programs_.erase(asked.id);
        return Header();
      case Kind::done:
      case Kind::failed:
        break;
    }
    return fail("a worker was asked what it does not know: are both processes of one version?");
  }

  Result<Header> load(const EngineProgram& program) {
    const Framework* framework = TRY(Framework::open());
    if (folders_ == nullptr) {
      const Pool pool;
      folders_ = TRY(ProgramFolders::open(temporary_folder()));
      real_time_ = std::make_shared<RealTime>(*framework);
    }
    std::shared_ptr<Model> model = TRY(Model::create(*framework, *folders_, real_time_, program));
    programs_[++last_] = std::move(model);
    return Header{.id = last_};
  }

  Result<Header> bind(uint32_t id, Packet packet, Descriptor descriptor) {
    const std::shared_ptr<Model>& model = programs_[id];
    if (model == nullptr) return fail("a worker was asked for a program it does not hold");
    RequestOptions options{.qos = uint32_t(packet.number()), .procedure = uint32_t(packet.number())};
    const size_t of_weights = packet.number();
    SharedPorts ports(model->inputs(), model->outputs(), of_weights);
    SharedMemory memory = TRY(SharedMemory::attach(std::move(descriptor), ports.total));
    Surfaces inputs = TRY(allocate(model->inputs()));
    Surfaces outputs = TRY(allocate(model->outputs()));
    std::unique_ptr<IoSurface> weights;
    if (of_weights > 0) {
      weights = TRY(IoSurface::create(of_weights));
      write(memory, ports.weights, *weights);
      options.weights = weights.get();
    }
    std::unique_ptr<Request> request = TRY(model->bind({pointers(inputs), pointers(outputs)}, options));
    requests_.emplace(++last_, ServedRequest{std::move(ports), std::move(memory), std::move(inputs), std::move(outputs),
                                             std::move(weights), std::move(request)});
    return Header{.id = last_};
  }

  // In a real-time task or not, as the other process is, whatever the engine answers to that.
  Result<> follow(bool in_real_time) {
    if (real_time_->is_open() == in_real_time) return {};
    TRY(in_real_time ? real_time_->begin() : real_time_->end());
    return {};
  }

  Result<Header> run(uint32_t id, bool in_real_time) {
    const auto found = requests_.find(id);
    if (found == requests_.end()) return fail("a worker was asked for a request it does not hold");
    TRY(follow(in_real_time));
    ServedRequest& served = found->second;
    for (size_t i = 0; i < served.inputs.size(); ++i) write(served.memory, served.ports.inputs[i], *served.inputs[i]);
    const RunTime time = TRY(served.request->run());
    for (size_t i = 0; i < served.outputs.size(); ++i) read(*served.outputs[i], served.ports.outputs[i], served.memory);
    return Header{.number = time.device ? time.device->count() : -1};
  }

  Channel channel_;
  std::shared_ptr<ProgramFolders> folders_;  // from the first program on, as what is next
  std::shared_ptr<RealTime> real_time_;
  std::map<uint32_t, std::shared_ptr<Model>> programs_;
  std::map<uint32_t, ServedRequest> requests_;
  uint32_t last_ = 0;
};

}  // namespace

Result<> serve_as_worker(int socket) {
  Server(Channel(Descriptor(socket))).serve();
  return {};
}

}  // namespace anemone::ane
