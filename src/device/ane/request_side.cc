#include "device/ane/request_side.h"

#include <algorithm>
#include <cstring>

namespace anemone::ane {
namespace {

void move(Surface& from, Surface& to, size_t bytes) {
  const Map source = from.map(Access::read), target = to.map(Access::write);
  std::memcpy(target.bytes().data(), source.bytes().data(), bytes);
}

}  // namespace

Result<Side> Side::create(const std::vector<Surface*>& surfaces, const std::vector<EnginePort>& ports) {
  Side side;
  size_t size = 0;
  for (size_t i = 0; i < surfaces.size(); ++i) {
    const auto* surface = dynamic_cast<IoSurface*>(surfaces[i]);
    size = std::max({size, ports[i].declared, surface == nullptr ? 0 : surface->allocated()});
  }
  for (size_t i = 0; i < surfaces.size(); ++i) TRY(side.add(*surfaces[i], ports[i], size));
  return side;
}

Result<> Side::add(Surface& surface, const EnginePort& port, size_t size) {
  auto* own = dynamic_cast<IoSurface*>(&surface);
  const bool would_overwrite = port.declared > port.bytes && surface.bytes() > port.bytes;
  if (own == nullptr || own->allocated() < size || would_overwrite) {
    std::unique_ptr<IoSurface> stand_in = TRY(IoSurface::create(size));
    own = stand_in.get();
    copies_.push_back({&surface, std::move(stand_in), port.bytes});
  }
  surfaces_.push_back(own);
  return {};
}

Result<Id> Side::wrapped(const Framework& framework) const {
  std::vector<Id> objects;
  for (const IoSurface* surface : surfaces_) {
    objects.push_back(TRY(framework.wrap.of_class(surface->handle())));
    if (objects.back() == nullptr) return fail("{} gave no object", framework.wrap.name().text());
  }
  return array_of(objects);
}

Id Side::indices() const {
  std::vector<Id> numbers;
  for (size_t i = 0; i < surfaces_.size(); ++i) numbers.push_back(number_of(i));
  return array_of(numbers);
}

void Side::copy_in() const {
  for (const Copy& copy : copies_) move(*copy.theirs, *copy.ours, copy.bytes);
}

void Side::copy_out() const {
  for (const Copy& copy : copies_) move(*copy.ours, *copy.theirs, copy.bytes);
}

Result<> Side::check() const {
  for (const IoSurface* surface : surfaces_) TRY(surface->check());
  return {};
}

Result<Id> request_object(const Framework& framework, const Side& inputs, const Side& outputs,
                          const RequestExtras& extras) {
  const Id in = TRY(inputs.wrapped(framework)), out = TRY(outputs.wrapped(framework));
  const Id object = TRY(framework.make_request.of_class(in, inputs.indices(), out, outputs.indices(), extras.weights,
                                                        extras.statistics, number_of(extras.procedure)));
  if (object == nullptr) return fail("{} gave no request", framework.make_request.name().text());
  return object;
}

}  // namespace anemone::ane
