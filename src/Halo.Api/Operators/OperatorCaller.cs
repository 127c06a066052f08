using System.Net;
using Halo.Api.Basics;
using Halo.Api.Errors;
using Halo.Api.Storage;
using Halo.Contracts.Admin;
using Halo.Contracts.Errors;

namespace Halo.Api.Operators;

/// <summary>Who calls an operator's route. Looked at again before anything is done: a key that was revoked while the body came does nothing any more.</summary>
/// <param name="Id">Null: whoever has the admin key.</param>
/// <param name="Address">From where.</param>
sealed record OperatorCaller(OperatorDirectory Directory, Guid? Id, IPAddress? Address)
{
    static readonly Operator AdminKey = new(Guid.Empty, "", OperatorRole.Owner, [], DateTimeOffset.UnixEpoch, "");

    /// <summary>For a key that was revoked or expired while its call was under way.</summary>
    public static Refusal KeyEnded { get; } = new(401, ErrorCodes.KeyInvalid, "This key was revoked or has expired. Nothing was done.");

    /// <summary>The operator as it is now; of the admin key one without a name.</summary>
    /// <exception cref="RefusedException">Its key was revoked, or has expired.</exception>
    public Operator Current => Id is not { } id ? AdminKey : Directory.FindValid(id) ?? throw new RefusedException(KeyEnded);

    /// <summary>Whether its key works still.</summary>
    public bool IsValid => Id is not { } id || Directory.FindValid(id) is not null;

    /// <summary>Why a call with this caller is refused; null: its role is high enough.</summary>
    public Refusal? Refuse(OperatorRole required) => Current.Role >= required ? null : new(403, ErrorCodes.RoleTooLow,
        $"This call requires the role {Word(required)}, and yours is {Word(Current.Role)}. Ask somebody who has it, or ask an owner for a higher role.");

    static string Word(OperatorRole role) => role.ToString().ToLowerInvariant();
}

/// <summary>The caller of an operator's route.</summary>
static class OperatorContext
{
    /// <summary>Who calls; the route stands behind <see cref="AdminAuthentication"/>.</summary>
    public static OperatorCaller Operator(this HttpContext http) =>
        http.Features.Get<OperatorCaller>() ?? throw new InvalidOperationException("An operator's route stands outside the authentication.");

    /// <summary>What the caller is about to do, for the audit log. Asked for once the request is read.</summary>
    /// <exception cref="RefusedException">Its key was revoked meanwhile, or has expired, or its role was lowered.</exception>
    public static OperatorDeed Deed(this HttpContext http, string? reason = null)
    {
        var caller = http.Operator();
        if (caller.Refuse(RequiredRole.Of(http)) is { } refusal)
            throw new RefusedException(refusal);
        return new(caller.Id, caller.Id is null ? null : caller.Current.Name, AddressRange.Text(caller.Address), reason);
    }
}
