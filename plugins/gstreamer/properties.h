// The rows of the parameter table as properties of the element, and back.
#pragma once

#include <glib-object.h>

#include <optional>
#include <string>
#include <vector>

#include "params/table.h"

namespace streamdiffusion::gst {

/// The rows that are properties, and their names: those of the table, with dashes.
const std::vector<params::Parameter>& property_rows();
std::string property_name(const params::Parameter& row);

/// Installs all of them, from the number `first` on. Those that change while a stream runs may be
/// set in PLAYING; numbers and switches among them may be controlled.
void install_properties(GObjectClass* object_class, guint first);

/// The JSON that the parameter is read from; nothing for an empty text, which means unset.
std::optional<std::string> json_of(const params::Parameter& row, const GValue& value);
/// Sets `value`, which has the property's type, from JSON; `null` is the default.
void read_value(const params::Parameter& row, const std::string& json, GValue& value);

}  // namespace streamdiffusion::gst
