using System.Buffers.Text;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Halo.Api.Errors;
using Halo.Api.Settings;
using Halo.Api.Sites;
using Halo.Api.Storage;
using Halo.Contracts.Errors;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Bounds;
using Halo.LinkProtocol.Enrolment;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Links.Enrolling;

/// <summary>Makes Links known: by proof of possession of their key, and by whatever the enrolment mode asks beyond that.</summary>
sealed partial class Enrolment(
    Database database, Nonces nonces, LinkDirectory links, SiteDirectory sites, SiteRegistry registry, SiteNoticeBuilder siteNotices, WaitingLinks waiting, AuditLog audit,
    ApiOptions options, TimeProvider time, ILogger<Enrolment> log)
{
    /// <summary>Enrols the Link that signed <paramref name="body"/>, or knows it again.</summary>
    /// <param name="addresses">Under which this service may be meant.</param>
    /// <param name="caller">From where it calls.</param>
    public async Task<(EnrolResponse? Response, Refusal? Refusal)> EnrolAsync(string nonce, string proof, byte[] body, IReadOnlyCollection<string> addresses, string? caller)
    {
        EnrolRequest? request;
        try
        {
            request = JsonSerializer.Deserialize(body, ProtocolJson.Default.EnrolRequest);
        }
        catch (JsonException e)
        {
            return (null, Refusal.Invalid(TextBound.Cut(e.Path ?? "body", 200), e is OverBoundException ? e.Message : "is not what an enrolment holds."));
        }
        if (request is null)
            return (null, Refusal.Invalid("body", "is empty."));
        if (EnrolmentFaults.Of(request) is { Count: > 0 } faults)
            return (null, Refusal.Invalid(faults));
        if (!Proves(request.PublicKey, nonce, proof, body) || !await nonces.ConsumeAsync(nonce))
        {
            return (null, new Refusal(401, ErrorCodes.LinkNotTrusted,
                "The proof does not fit the key and a fresh nonce. Ask POST /link/v1/nonce for a new one and sign again."));
        }
        if (request.Api is { } dialled && !addresses.Contains(dialled))
        {
            return (null, new Refusal(403, ErrorCodes.LinkNotTrusted,
                $"This Link dials {dialled}, which is not one of this service's addresses. Set its setting api to this service's address, or have the operator add that address to the setting Halo:PublicAddress."));
        }
        var isNews = links.Find(request.LinkId) is null || request.Sites.Any(s => sites.Find(s.Id) is null);
        if (options.Enrolment == EnrolmentMode.Approval && links.Find(request.LinkId) is null && await RefuseToWaitAsync(request, caller) is { } full)
            return (null, full);
        var outcome = await RetryOnConflictAsync(() => database.WriteAsync(transaction => PutAsync(transaction, request)));
        if (outcome.Refusal is not null)
            return outcome;
        if (outcome.Response!.Status == "waiting")
            waiting.Heard(request.LinkId, caller);
        await links.RefreshAsync(request.LinkId);
        await sites.RefreshLinkAsync(request.LinkId);
        var response = outcome.Response! with { Sites = request.Sites.Select(s => sites.Find(s.Id)).OfType<SiteRecord>().Select(siteNotices.Notice).ToList() };
        // One that waits for approval asks again and again: said once.
        if (isNews && response.Status == "waiting")
            LogWaiting(request.LinkId, request.Host?.Name, Practices(request));
        else if (isNews)
            LogEnrolled(request.LinkId, request.Host?.Name, Practices(request));
        return (response, null);
    }

    async Task<Refusal?> RefuseToWaitAsync(EnrolRequest request, string? address)
    {
        await waiting.ForgetAsync(await database.WriteAsync(waiting.ExpireAsync));
        return waiting.Refuse(request.Sites.Count, address);
    }

    async Task<(EnrolResponse? Response, Refusal? Refusal)> PutAsync(DbTransaction transaction, EnrolRequest request)
    {
        var known = (await transaction.ReadAsync(r => new Known(r.GetString(0), r.GetString(1), r.GetString(2)),
            "SELECT public_key_x, public_key_y, status FROM links WHERE id = @id", ("id", request.LinkId))).SingleOrDefault();
        if (known is not null && (known.X != request.PublicKey.X || known.Y != request.PublicKey.Y))
        {
            return (null, new Refusal(409, ErrorCodes.Conflict,
                $"Link {request.LinkId} is known with another key."));
        }
        if (known?.Status == "revoked")
        {
            return (null, new Refusal(403, ErrorCodes.LinkRevoked,
                $"Link {request.LinkId} was revoked by the operator of this service. Ask there why; "
                + "to come back as a new Link, remove identity.json and link.key from its data directory."));
        }
        foreach (var site in request.Sites)
        {
            if (await SiteRegistry.OwnerAsync(transaction, site.Id) is { } owner && owner != request.LinkId)
            {
                return (null, new Refusal(409, ErrorCodes.Conflict,
                    $"Site {site.Id} belongs to another Link. Was this data directory copied? Only an operator can move a site."));
            }
        }
        var (token, refusal) = await TakeTokenAsync(transaction, request, known is not null);
        if (refusal is not null)
            return (null, refusal);
        var status = known?.Status ?? (options.Enrolment == EnrolmentMode.Approval ? "waiting" : "enrolled");
        await PutLinkAsync(transaction, request, status);
        // The operator decides on what it named first. What it names while it waits is taken up afterwards, and proves nothing then.
        foreach (var site in known?.Status == "waiting" ? [] : request.Sites)
            await registry.PutAsync(transaction, request.LinkId, request.MachineId, site, MayBeAuthoritative(token, site));
        if (known is null)
            await audit.WriteAsync(transaction, $"link.{status}", request.LinkId.ToString(), "link", token is null ? null : new JsonObject { ["enrolmentTokenId"] = token.TokenId.ToString() });
        return (new EnrolResponse(request.LinkId, status, []), null);
    }

    bool MayBeAuthoritative(TokenPractice? token, SiteDescription site) =>
        options.Enrolment == EnrolmentMode.Open
        || token?.PmsId == site.PracticeManagementSiteId && token.PmsName == site.PracticeManagementName;

    /// <summary>In token mode a new Link spends one use of its token; a known one needs none.</summary>
    async Task<(TokenPractice?, Refusal?)> TakeTokenAsync(DbTransaction transaction, EnrolRequest request, bool known)
    {
        if (options.Enrolment != EnrolmentMode.Token || known)
            return (null, null);
        var (given, now) = (request.EnrolmentToken ?? "", time.GetUtcNow());
        var token = await EnrolmentTokens.FindAsync(transaction, given, now);
        var fits = token is not null && request.Sites.All(s => token.PmsId is null || token.PmsId == s.PracticeManagementSiteId)
            && request.Sites.All(s => token.PmsName is null || token.PmsName == s.PracticeManagementName);
        if (!fits || !await EnrolmentTokens.SpendAsync(transaction, given, now))
        {
            return (null, new Refusal(401, ErrorCodes.EnrolmentTokenInvalid,
                "The enrolment token is missing, spent, expired, revoked, or made for another practice. Ask the operator for one (POST /admin/v1/enrolment-tokens)."));
        }
        return (token, null);
    }

    Task<int> PutLinkAsync(DbTransaction transaction, EnrolRequest request, string status) => transaction.RunAsync(
        """
        INSERT INTO links (id, public_key_x, public_key_y, status, version, version_since, machine_id, host, last_claim_number, closed_in_order, created_at, updated_at)
        VALUES (@id, @x, @y, @status, @version, @now, @machine, @host, 0, FALSE, @now, @now)
        ON CONFLICT (id) DO UPDATE SET version_since = CASE WHEN links.version = excluded.version THEN links.version_since ELSE excluded.version_since END,
          version = excluded.version, host = excluded.host, updated_at = excluded.updated_at
        """,
        ("id", request.LinkId), ("x", request.PublicKey.X), ("y", request.PublicKey.Y), ("status", status), ("version", request.LinkVersion),
        ("machine", request.MachineId), ("host", JsonSerializer.Serialize(request.Host!, ProtocolJson.Default.HostFacts)), ("now", time.GetUtcNow().Ms()));

    static string Practices(EnrolRequest request) =>
        string.Join(", ", request.Sites.Select(s => $"practice {s.PracticeManagementSiteId} of {s.PracticeManagementName}"));

    static bool Proves(PublicKeyJwk key, string nonce, string proof, byte[] body)
    {
        try
        {
            using var ecdsa = ECDsa.Create(LinkKey.Parameters(key.X, key.Y));
            return ecdsa.VerifyData(LinkHttp.ProofBytes(nonce, body), Base64Url.DecodeFromChars(proof), HashAlgorithmName.SHA256);
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Two Links may bring the same practice at once: the index lets one win, the other is tried again and finds it there.</summary>
    static async Task<T> RetryOnConflictAsync<T>(Func<Task<T>> attempt)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await attempt();
            }
            catch (DbException) when (tries < 5)
            {
                // The whole enrolment runs again, on what stands now.
            }
        }
    }

    sealed record Known(string X, string Y, string Status);

    [LoggerMessage(1100, LogLevel.Information, "Link {LinkId} on {Host} has enrolled, for {Practices}.")]
    partial void LogEnrolled(Guid linkId, string? host, string practices);

    [LoggerMessage(1101, LogLevel.Warning,
        "Link {LinkId} on {Host} waits for your approval, for {Practices}. Make sure that it is the practice's; then POST /admin/v1/links/{LinkId}/approve lets it in, with {{ \"sites\": [ids] }} for some of its practices alone.")]
    partial void LogWaiting(Guid linkId, string? host, string practices);
}
