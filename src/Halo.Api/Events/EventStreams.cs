using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Halo.Api.Errors;
using Halo.Api.Integrators;
using Halo.Api.Ledger.Events;
using Halo.Api.Settings;
using Halo.Contracts.Errors;
using Halo.Contracts.Json;

namespace Halo.Api.Events;

/// <summary>Events as a stream, for integrators without an address of their own: what is kept from where the caller left off, then each as it comes.</summary>
sealed class EventStreams(EventReader reader, EventSignals signals, EventOptions options, IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>What the service itself says on a stream.</summary>
    const string Opened = "stream.opened", Lost = "events.lost", Ping = "ping";

    /// <summary>Something is sent so often, so that whoever is gone is noticed, and proxies keep the connection.</summary>
    static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(15);

    /// <summary>Opens one.</summary>
    /// <param name="after">The number of the last event that the caller has; null: from now on.</param>
    /// <param name="types">Of these alone; null: of all.</param>
    public (IAsyncEnumerable<SseItem<string>>? Stream, Refusal? Refusal) Open(IntegratorCaller caller, long? after, IReadOnlyList<string>? types, CancellationToken gone)
    {
        var integrator = caller.Integrator.Id;
        return signals.CountOf(integrator) < options.StreamsPerIntegrator ? (FollowAsync(caller, integrator, after, types, gone), null)
            : (null, new Refusal(429, ErrorCodes.TooManyRequests,
                $"You have {options.StreamsPerIntegrator} event streams open, as many as are allowed. Close one, or read several kinds of events from one stream.")
            {
                RetryAfter = PingEvery,
            });
    }

    async IAsyncEnumerable<SseItem<string>> FollowAsync(
        IntegratorCaller caller, Guid integrator, long? after, IReadOnlyList<string>? types, [EnumeratorCancellation] CancellationToken stop)
    {
        var woken = new Signal();
        using var subscribed = signals.Subscribe(integrator, _ => woken.Set());
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stop, lifetime.ApplicationStopping);
        var (first, last) = await reader.RangeAsync(integrator);
        var at = after ?? last;
        var isLost = at < first - 1 || at > last;
        if (isLost)
            at = first - 1;
        var said = time.GetTimestamp();
        yield return Item(isLost ? Lost : Opened, "{}", at);
        while (!ending.IsCancellationRequested && caller.Find().Integrator is not null)
        {
            woken.Reset();
            var found = await reader.AfterAsync(integrator, at);
            foreach (var happened in found)
            {
                at = happened.Number;
                if (types?.Contains(happened.Type) == false)
                    continue;
                said = time.GetTimestamp();
                yield return Item(happened.Type, JsonSerializer.Serialize(happened.Show(), HaloJson.Default.HaloEvent), at);
            }
            var quiet = time.GetElapsedTime(said);
            if (quiet >= PingEvery)
            {
                said = time.GetTimestamp();
                yield return Item(Ping, "{}", at);
            }
            else if (found.Count == 0)
                await woken.WaitAsync(PingEvery - quiet, time, ending.Token);
        }
    }

    static SseItem<string> Item(string type, string data, long number) => new(data, type) { EventId = number.ToString(System.Globalization.CultureInfo.InvariantCulture) };
}
