// What an input may open by itself. A playlist or a session description names further files and
// addresses; who wrote it is not always the user. FFmpeg's own whitelists enforce the rules.
#pragma once

#include <string>

namespace streamdiffusion::media {

/// The names of all demuxers but those that open further files and addresses (concat, hls, dash,
/// sdp, imf), separated by commas. One of these is in the list all the same if `name` ends in its
/// extension, such as "a.m3u8", or, for `web`, if it is hls or dash, which are made for the web.
std::string allowed_formats(const std::string& name, bool web);

/// The protocols that an address of this scheme ("http") needs, or empty for a scheme that is not
/// read without being asked for.
std::string protocols_of_scheme(const std::string& scheme);
/// The schemes that protocols_of_scheme knows, as a list for messages.
std::string known_schemes();

/// True for a name whose extension says that its content names further files or addresses.
bool names_others(const std::string& name);

/// `list`: names of protocols separated by commas, as the user allows them. Throws
/// invalid_argument naming the first that libav has not for inputs.
void check_protocols(const std::string& list);

/// Why a format that is not in allowed_formats() was refused, and what to do instead.
/// `format`: a demuxer's name.
std::string refused_format(const std::string& input, const std::string& format);
/// The same for a protocol.
std::string refused_protocol(const std::string& input, const std::string& protocol);

}  // namespace streamdiffusion::media
