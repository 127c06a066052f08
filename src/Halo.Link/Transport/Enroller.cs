using System.Net;
using System.Text.Json;
using Halo.Contracts.Errors;
using Halo.Link.Files;
using Halo.Link.Observability;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;
using Microsoft.Extensions.Logging;

namespace Halo.Link.Transport;

/// <summary>Makes the Link known to its API, once: at the first start, after new sites, and where the API has forgotten it.</summary>
sealed partial class Enroller(
    LinkHttpClient api, string apiAddress, Guid linkId, LinkKey key, Func<string?> enrolmentToken, DataDirectory directory, ILogger<Enroller> log)
{
    const string FileName = "enrolled.json";
    static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(30);
    Enrolled? _done = directory.ReadCopy(FileName, LinkFilesJson.Default.Enrolled);

    /// <summary>Returns at once where the API knows these sites already.</summary>
    /// <returns>What the API said of the sites; null where it was not asked.</returns>
    /// <exception cref="NotAdmittedException">It was refused, or waits for approval.</exception>
    public async Task<EnrolResponse?> EnsureAsync(IReadOnlyList<SiteDescription> sites, CancellationToken stop)
    {
        if (Knows(sites))
            return null;
        var request = new EnrolRequest(linkId, key.PublicKey(), HostInformation.Version, sites)
        {
            MachineId = HostInformation.MachineId(),
            Host = HostInformation.Facts(),
            EnrolmentToken = enrolmentToken(),
            Api = apiAddress,
        };
        var body = JsonSerializer.SerializeToUtf8Bytes(request, ProtocolJson.Default.EnrolRequest);
        var (response, retryAfter) = await AskAsync(body, stop);
        if (response.Status == "waiting")
            throw new NotAdmittedException("waiting",
                $"The API has this Link's enrolment; it waits until the operator of the Halo API approves it, whom its id helps: {linkId}.", retryAfter ?? AskAgain);
        Remember(new(apiAddress, [.. sites.Select(s => s.Id)]));
        LogEnrolled(linkId, apiAddress);
        return response;
    }

    /// <summary>Whether all of these were enrolled there.</summary>
    public bool Knows(IEnumerable<SiteDescription> sites) => sites.All(Has);

    /// <summary>Whether any of these was enrolled there.</summary>
    public bool KnowsOneOf(IEnumerable<SiteDescription> sites) => sites.Any(Has);

    bool Has(SiteDescription site) => _done is { } done && done.Api == apiAddress && done.Sites.Contains(site.Id);

    /// <summary>The API does not know the Link any more: enrol again at the next try.</summary>
    public void Forget() => Remember(null);

    /// <summary>On disk it only saves the next start a question: a disk that refuses keeps nobody from connecting.</summary>
    void Remember(Enrolled? done)
    {
        _done = done;
        try
        {
            if (done is null)
                File.Delete(directory.PathOf(FileName));
            else
                directory.Write(FileName, done, LinkFilesJson.Default.Enrolled);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(directory.PathOf(FileName), e.GetType().Name);
        }
    }

    async Task<(EnrolResponse Response, TimeSpan? RetryAfter)> AskAsync(byte[] body, CancellationToken stop)
    {
        try
        {
            var nonce = await api.NonceAsync(stop);
            return await api.EnrolAsync(body, nonce, key.Sign(LinkHttp.ProofBytes(nonce, body)), stop);
        }
        catch (ApiRefusedException e) when (!e.ByApi)
        {
            throw;
        }
        catch (ApiRefusedException e) when (e.Status == HttpStatusCode.Unauthorized && enrolmentToken() is null)
        {
            throw new NotAdmittedException("noEnrolmentToken",
                "The API lets a new Link in by an enrolment token alone, and the setting enrolmentToken is missing: ask its operator for one and write it there; the Link takes it up by itself.");
        }
        catch (ApiRefusedException e) when (e.Status == HttpStatusCode.Unauthorized)
        {
            throw new NotAdmittedException("enrolmentToken",
                $"The API refused to enrol this Link: {e.Message} Write a fresh token from its operator to the setting enrolmentToken; the Link takes it up by itself.");
        }
        catch (ApiRefusedException e) when (e.Status == HttpStatusCode.Forbidden)
        {
            // The same reason as a session's that was closed for it, and so said once.
            throw new NotAdmittedException(e.Code == ErrorCodes.LinkRevoked ? LineCloseReason.Revoked : "forbidden", $"The API refused to enrol this Link: {e.Message}");
        }
        catch (ApiRefusedException e) when (e.Status == HttpStatusCode.Conflict)
        {
            throw new NotAdmittedException("conflict",
                $"The API takes this Link for another: {e.Message} Its key was lost, or its data directory copied. "
                + "Remove identity.json and link.key from the data directory and set a fresh enrolmentToken: it is then a new Link with a new site. "
                + "Where it takes the place of the old one, ask the operator of the Halo API to move authority to it and to revoke the old one.");
        }
    }

    [LoggerMessage(2008, LogLevel.Warning, "{Path} could not be written ({Kind}); the Link works, and looks at it again at its next start.")]
    partial void LogUnwritten(string path, string kind);

    [LoggerMessage(2001, LogLevel.Information, "Enrolled as Link {LinkId} at {Api}.")]
    partial void LogEnrolled(Guid linkId, string api);
}
