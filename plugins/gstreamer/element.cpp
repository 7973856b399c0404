// The class of the element: GObject's side of core.h.
#include "element.h"

#include "core.h"
#include "properties.h"

using streamdiffusion::gst::Core;
using streamdiffusion::gst::Policy;
namespace gst = streamdiffusion::gst;

struct GstStreamdiffusion {
  GstElement element;
  Core* core;
};
struct GstStreamdiffusionClass {
  GstElementClass parent;
};

G_DEFINE_TYPE(GstStreamdiffusion, gst_streamdiffusion, GST_TYPE_ELEMENT)

namespace {

enum : guint { kPolicy = 1, kFirstRow };

GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, ARGB, NV12, I420 }")));
GstStaticPadTemplate source_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, ARGB, NV12, I420 }")));

GType policy_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(Policy::automatic), "realtime where the input is live", "auto"},
      {static_cast<int>(Policy::realtime), "frames are dropped for newer ones", "realtime"},
      {static_cast<int>(Policy::lossless), "every frame is processed", "lossless"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstStreamdiffusionPolicy", values);
  return type;
}

Core& core_of(gpointer element) {
  return *reinterpret_cast<GstStreamdiffusion*>(element)->core;
}

void set_property(GObject* object, guint id, const GValue* value, GParamSpec* /*spec*/) {
  Core& core = core_of(object);
  if (id == kPolicy) {
    core.policy = static_cast<Policy>(g_value_get_enum(value));
    return;
  }
  core.set(gst::property_rows().at(id - kFirstRow), *value);
}

void get_property(GObject* object, guint id, GValue* value, GParamSpec* spec) {
  const Core& core = core_of(object);
  if (id == kPolicy) return g_value_set_enum(value, static_cast<int>(core.policy.load()));
  const auto& row = gst::property_rows().at(id - kFirstRow);
  g_param_value_set_default(spec, value);
  gst::read_value(row, core.value_of(row), *value);
}

GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  Core& core = core_of(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !core.open())
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) core.stop();
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_streamdiffusion_parent_class)->change_state(element, transition);
  const bool failed = result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && failed)) {
    core.close();
  }
  return result;
}

gboolean activate_source(GstPad* /*pad*/, GstObject* element, GstPadMode mode, gboolean active) {
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  core_of(element).activate_source(active != FALSE);
  return TRUE;
}

void finalize(GObject* object) {
  delete reinterpret_cast<GstStreamdiffusion*>(object)->core;
  G_OBJECT_CLASS(gst_streamdiffusion_parent_class)->finalize(object);
}

GstPad* add_pad(GstElement* element, GstStaticPadTemplate& pad_template) {
  GstPad* pad = gst_pad_new_from_static_template(&pad_template, pad_template.name_template);
  gst_element_add_pad(element, pad);
  return pad;
}

}  // namespace

static void gst_streamdiffusion_class_init(GstStreamdiffusionClass* element_class) {
  GObjectClass* object_class = G_OBJECT_CLASS(element_class);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  g_object_class_install_property(
      object_class, kPolicy,
      g_param_spec_enum("policy", "Policy",
                        "What happens to frames that come faster than images are made",
                        policy_type(), static_cast<int>(Policy::automatic),
                        static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                                 GST_PARAM_MUTABLE_READY)));
  gst::install_properties(object_class, kFirstRow);
  GstElementClass* parent = GST_ELEMENT_CLASS(element_class);
  parent->change_state = change_state;
  gst_element_class_add_static_pad_template(parent, &sink_template);
  gst_element_class_add_static_pad_template(parent, &source_template);
  gst_element_class_set_static_metadata(
      parent, "StreamDiffusion", "Filter/Effect/Video",
      "Makes images from video by a diffusion model, in real time",
      "The StreamDiffusion developers");
  gst_type_mark_as_plugin_api(policy_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_streamdiffusion_init(GstStreamdiffusion* self) {
  GstElement* element = &self->element;
  GstPad* sink = add_pad(element, sink_template);
  GstPad* source = add_pad(element, source_template);
  self->core = new Core(element, sink, source);
  gst_pad_set_chain_function(sink, [](GstPad*, GstObject* owner, GstBuffer* buffer) {
    return core_of(owner).chain(buffer);
  });
  gst_pad_set_event_function(sink, [](GstPad*, GstObject* owner, GstEvent* event) {
    return core_of(owner).sink_event(event);
  });
  gst_pad_set_query_function(sink, [](GstPad*, GstObject* owner, GstQuery* query) {
    return core_of(owner).sink_query(query);
  });
  gst_pad_set_event_function(source, [](GstPad*, GstObject* owner, GstEvent* event) {
    return core_of(owner).source_event(event);
  });
  gst_pad_set_query_function(source, [](GstPad*, GstObject* owner, GstQuery* query) {
    return core_of(owner).source_query(query);
  });
  gst_pad_set_activatemode_function(source, activate_source);
}
