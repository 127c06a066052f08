using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Client.Calls;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Surveys;

/// <summary>One command asked of many sites.</summary>
public sealed class HaloSurveys
{
    readonly ApiCalls _calls;

    internal HaloSurveys(ApiCalls calls) => _calls = calls;

    /// <summary>Asks sites that are named, of which there may be 10,000.</summary>
    /// <param name="command">What each is asked, with its parameters at most 256 KiB of JSON.</param>
    /// <param name="sites">Ids of sites that you are paired with.</param>
    /// <param name="mode">How it is executed.</param>
    /// <param name="atOnce">At how many sites it runs at once, 1 to 1000; null: 20. One that is away takes no place.</param>
    /// <param name="options"><see cref="HaloQueryOptions.MaxTimeInQueue"/> counts from the acceptance, for each site. It has an idempotency key of its own, so that it is repeated safely.</param>
    /// <param name="cancellationToken">Stops waiting for the answer; what was begun goes on.</param>
    /// <returns>A handle on it. Save its <see cref="HaloSurvey.Id"/> to go on in another process, by <see cref="Resume"/>.</returns>
    /// <exception cref="HaloException">It was not taken.</exception>
    public Task<HaloSurvey> BeginAsync(
        HaloCommand command, IEnumerable<Guid> sites, ExecutionMode mode = ExecutionMode.Reader, int? atOnce = null, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sites);
        return BeginAsync(command, mode, new() { Sites = [.. sites], AtOnce = atOnce }, options ?? new(), cancellationToken);
    }

    /// <summary>Asks all of your sites that a filter chooses, as they are when it is accepted.</summary>
    /// <param name="filter">An empty one chooses all that may be queried.</param>
    /// <inheritdoc cref="BeginAsync(HaloCommand, IEnumerable{Guid}, ExecutionMode, int?, HaloQueryOptions?, CancellationToken)"/>
    public Task<HaloSurvey> BeginAsync(
        HaloCommand command, SurveyFilter filter, ExecutionMode mode = ExecutionMode.Reader, int? atOnce = null, HaloQueryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return BeginAsync(command, mode, new() { Filter = filter, AtOnce = atOnce }, options ?? new(), cancellationToken);
    }

    /// <summary>A handle on one that was begun before, here or in another process. Nothing is asked yet.</summary>
    public HaloSurvey Resume(Guid surveyId) => new(_calls, surveyId);

    /// <summary>Yours, newest first. They are fetched in pages as they are read.</summary>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public async IAsyncEnumerable<Survey> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        for (var after = ""; after is not null;)
        {
            var place = "integrator/queries" + after;
            var page = await _calls.JsonAsync(Repeats.ExecutesNothing, () => _calls.Request(HttpMethod.Get, place), HaloJson.Default.SurveyList, cancellationToken);
            foreach (var survey in page.Surveys)
                yield return survey;
            after = page.Next is null ? null : $"?after={Uri.EscapeDataString(page.Next)}";
        }
    }

    async Task<HaloSurvey> BeginAsync(HaloCommand command, ExecutionMode mode, SurveyRequest where, HaloQueryOptions options, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(command);
        var key = options.IdempotencyKey ?? RandomNumberGenerator.GetHexString(32, lowercase: true);
        // The same bytes each time: the key stands for them.
        var body = JsonSerializer.SerializeToUtf8Bytes(where with
        {
            Command = command.Command with { ExecutionMode = mode, Timeout = Milliseconds(options.Timeout) ?? command.Command.Timeout },
            Catalogue = options.Catalogue,
            MaxTimeInQueue = Milliseconds(options.MaxTimeInQueue),
        }, HaloJson.Default.SurveyRequest);
        try
        {
            return new(_calls, (await _calls.JsonAsync(Repeats.Keyed, Make, HaloJson.Default.Survey, stop)).Id);
        }
        catch (HaloException e)
        {
            throw e.With(key);
        }

        HttpRequestMessage Make()
        {
            var request = _calls.Request(HttpMethod.Post, "integrator/queries", body);
            request.Headers.Add("Idempotency-Key", key);
            if (options.Tag is { } tag)
                request.Headers.Add("Halo-Tag", tag);
            return request;
        }
    }

    static int? Milliseconds(TimeSpan? time) => time is { } given ? checked((int)Math.Ceiling(given.TotalMilliseconds)) : null;
}
