using System.Net;
using Halo.Api.Errors;
using Halo.Contracts.Errors;

namespace Halo.Api.Integrators;

/// <summary>
/// Who calls an integrator route, by its key and address. Looked at again wherever it is asked for: what an operator takes away while a request
/// sends its body, or waits, is gone for that request too.
/// </summary>
sealed class IntegratorCaller
{
    readonly IntegratorDirectory _directory;
    readonly Guid? _id;
    readonly string _key = "";
    readonly IPAddress? _address;

    // Entries of the directory are replaced, never changed: one that still stands there passed before.
    Integrator? _passed;
    IntegratorKey? _used;

    /// <summary>Who calls.</summary>
    public IntegratorCaller(IntegratorDirectory directory, string key, IPAddress? address) => (_directory, _key, _address) = (directory, key, address);

    /// <summary>For an integrator that has asked before, and is not calling now: its rights hold, its key and addresses are not asked for.</summary>
    public IntegratorCaller(IntegratorDirectory directory, Guid id) => (_directory, _id) = (directory, id);

    /// <summary>The integrator as it is now.</summary>
    /// <exception cref="RefusedException">Its key opens nothing any more.</exception>
    public Integrator Integrator => Find() is ({ } integrator, _) ? integrator : throw new RefusedException(Find().Refusal!);

    /// <summary>The integrator as it is now, or why the key opens nothing.</summary>
    public (Integrator? Integrator, Refusal? Refusal) Find()
    {
        if (_passed is { } passed && ReferenceEquals(_directory.Find(passed.Id), passed))
            return (passed, null);
        Integrator? found;
        (found, _used) = _id is { } id ? (_directory.Find(id), null) : _directory.Authenticate(_key) ?? default;
        if (found is not { } integrator)
        {
            return (null, new(401, ErrorCodes.KeyInvalid,
                "The subscription key is unknown or revoked. Ask the operator of this service for a valid one."));
        }
        if (!integrator.Enabled)
            return (null, new(403, ErrorCodes.IntegratorDisabled, "This integrator is disabled. Ask the operator of this service."));
        if (_id is null && !integrator.Rules.Allows(_address))
            return (null, new(403, ErrorCodes.AddressNotAllowed, "Caller IP not allowed"));
        return (_passed = integrator, null);
    }

    /// <summary>Notes that its key was used; for a call that was let in.</summary>
    public void RecordUse()
    {
        if (_used is { } key)
            _directory.RecordUse(key, _address);
    }
}

/// <summary>The caller of an integrator route.</summary>
static class IntegratorContext
{
    /// <summary>Who calls; the route stands behind <see cref="IntegratorAuthentication"/>.</summary>
    public static IntegratorCaller Caller(this HttpContext http) =>
        http.Features.Get<IntegratorCaller>() ?? throw new InvalidOperationException("An integrator route stands outside the authentication.");

    /// <inheritdoc cref="IntegratorCaller.Integrator"/>
    public static Integrator Integrator(this HttpContext http) => http.Caller().Integrator;
}
