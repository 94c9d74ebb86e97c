// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

/// How a provider departs from the dialect that it speaks: data, so that no dialect is written twice.
package struct DialectQuirks: Equatable, Sendable {
    /// The output limit to ask for where the dialect demands one and the client gave none, in tokens.
    package var defaultOutputLimit = 8192
    /// The least output limit that the provider takes, in tokens.
    package var minimumOutputLimit = 1
    /// Whether the limit is always called `max_tokens` in the chat dialect, also when reasoning counts.
    package var usesMaxTokens = false
    /// Members of a body that the provider refuses, by their names; left out.
    package var unsupported: Set<String> = []
    /// Whether the `stream_options` member may be sent.
    package var takesStreamOptions = true
    /// Whether a tool can be forced; otherwise every choice but none becomes `auto`.
    package var takesToolChoice = true
    /// Whether call ids must be exactly nine letters and digits, as at Mistral.
    package var hasShortCallIDs = false
    /// Whether reasoning of earlier turns is sent back as `reasoning_content`.
    package var takesReasoningBack = false
    /// Whether images are taken by address (otherwise only their bytes).
    package var takesImageURLs = true
    /// The project that Google's envelope names; empty for none.
    package var project = ""

    package init() {}
}
