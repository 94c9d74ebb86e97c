// SPDX-FileCopyrightText: The Sluice authors
// SPDX-License-Identifier: Apache-2.0

internal import Chat
internal import HTTPSemantics
internal import HTTPServer
internal import Services
internal import Storage

/// The doors to what is stored and to the keys: who may enter.
extension DoorGate {
    /// Whoever has a key, to see what is recorded of its own, with what that is; a caller that is turned away has been answered.
    ///
    /// Where no key is asked for, only the administrator may see what is stored: who that is, `AdmissionService` says.
    func admitReader(_ request: ServerRequest, id: String, door: String) -> (caller: Caller, sight: AuditScope)? {
        guard let caller = admit(request, id: id, door: door, .openAIChat) else { return nil }
        guard let sight = caller.sight else {
            refuse(DoorGate.needsAdmin, request, id: id, door: door, .openAIChat, caller)
            return nil
        }
        return (caller, sight)
    }

    /// The administrator only; others are told 403.
    func admitAdmin(_ request: ServerRequest, id: String, door: String) -> Caller? {
        guard let caller = admit(request, id: id, door: door, .openAIChat) else { return nil }
        guard caller.role == .admin else {
            refuse(DoorGate.needsAdmin, request, id: id, door: door, .openAIChat, caller)
            return nil
        }
        return caller
    }

    private static let needsAdmin = ChatFailure(
        status: 403,
        message: "This needs the admin key: auth.admin_key (SLUICE_ADMIN_KEY), or a virtual key of the role admin.",
        type: "permission_error", code: "admin_required")
}
