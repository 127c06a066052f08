using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Halo.Line.Logging;
using Halo.Link.Transport;
using Halo.LinkProtocol;
using Halo.LinkProtocol.Frames;
using Halo.LinkProtocol.Messages;

namespace Halo.Link.Sites;

/// <summary>Makes pairing codes for <c>halo-link pairing-code</c>: made here, told to the API over the line, shown when the API has it.</summary>
sealed class PairingCodes(CurrentSession session, LocalSites sites, TimeProvider time)
{
    static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(10);
    readonly ConcurrentDictionary<Guid, TaskCompletionSource<PairingCodeAck>> _asked = new();

    /// <summary>A code for a site; where the Link has one alone, it need not be named.</summary>
    public async Task<PairingReport> MakeAsync(Guid? siteId, CancellationToken stop)
    {
        if (siteId is null && sites.All.Count != 1)
            return Refused($"This Link serves {sites.All.Count.ToString(CultureInfo.InvariantCulture)} sites. Say which by --site; 'halo-link status' lists them.");
        var id = siteId ?? sites.All.First().Id;
        if (sites.All.All(s => s.Id != id))
            return Refused($"Site {id} is not one of this Link's. 'halo-link status' lists them.");
        var code = RandomNumberGenerator.GetString(PairingCode.Alphabet, PairingCode.Length);
        var request = Guid.CreateVersion7(time.GetUtcNow());
        var answer = _asked.GetOrAdd(request, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            if (!await session.SendAsync(FrameKind.PairingCode, Guid.Empty, new PairingCode(request, id, code), ProtocolJson.Default.PairingCode, stop))
                return Refused("This Link is not connected to its Halo API now; 'halo-link status' says why. Try again when it is.");
            var ack = await answer.Task.WaitAsync(LongestAnswer, time, stop);
            return ack.Accepted ? new PairingReport(ack.Message) { Code = code, SiteId = id, ExpiresAt = ack.ExpiresAt } : Refused(ack.Message);
        }
        catch (TimeoutException)
        {
            return Refused("The Halo API did not answer. It may be of a version that does not know pairing codes: ask its operator to pair the integrator, or to update it.");
        }
        finally
        {
            _asked.TryRemove(request, out _);
        }
    }

    /// <summary>The API has answered.</summary>
    public void OnAck(PairingCodeAck ack)
    {
        if (_asked.TryGetValue(ack.RequestId, out var asked))
            asked.TrySetResult(ack);
    }

    static PairingReport Refused(string message) => new(message);
}

/// <summary>What <c>halo-link pairing-code</c> shows.</summary>
/// <param name="Message">What to do with the code, or why there is none.</param>
sealed record PairingReport(string Message)
{
    /// <summary>Null where there is none.</summary>
    public string? Code { get; init; }

    public Guid? SiteId { get; init; }

    /// <summary>By the API's clock.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>For people; the code stands alone on the first line, for scripts.</summary>
    public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Code}\npairs one integrator with site {SiteId}, until {ExpiresAt:u}. {VisibleText.Of(Message)}\n");
}
