using System.Security.Cryptography;
using System.Text.Json;
using Halo.Contracts.Json;
using Halo.Contracts.Queries;

namespace Halo.Client.Calls;

/// <summary>One query as it is sent, the same bytes each time: a key stands for them.</summary>
sealed class QueryRequests
{
    readonly ApiCalls _calls;
    readonly string _path;
    readonly string? _accept, _tag;
    readonly byte[] _body;

    /// <param name="where">Behind the site's queries: <c>immediate</c> or <c>async</c>.</param>
    /// <param name="accept">The form of its answer; null: the query as JSON.</param>
    /// <param name="needsKey">Whether it has a key also where none is given.</param>
    public QueryRequests(ApiCalls calls, Guid site, string where, QueryRequest asked, HaloQueryOptions? given, string? accept, bool needsKey)
    {
        var options = given ?? new();
        (_calls, _accept, _tag) = (calls, accept, options.Tag);
        if (options.Timeout is { } timeout)
            asked = asked with { Command = Within(asked.Command, timeout), Commands = asked.Commands?.Select(c => Within(c, timeout)!).ToList() };
        _path = $"integrator/sites/{site}/queries/{where}";
        _body = JsonSerializer.SerializeToUtf8Bytes(asked with
        {
            Catalogue = options.Catalogue,
            MaxTimeInQueue = options.MaxTimeInQueue is { } wait ? Milliseconds(wait) : null,
        }, HaloJson.Default.QueryRequest);
        Longer = (options.MaxTimeInQueue ?? TimeSpan.Zero) + (options.Timeout ?? TimeSpan.Zero);
        IsCallersKey = options.IdempotencyKey is not null;
        Key = options.IdempotencyKey ?? (needsKey ? RandomNumberGenerator.GetHexString(32, lowercase: true) : null);
        Repeats = Key is not null ? Repeats.Keyed : options.IsRepeatable ? Repeats.Freely : Repeats.WhenNothingRan;
    }

    public string? Key { get; }

    /// <summary>Whether its caller gave the key: then it may stand for a query that another process began.</summary>
    public bool IsCallersKey { get; }

    public Repeats Repeats { get; }

    /// <summary>What its caller lets it wait and execute: so much longer its answer may take.</summary>
    public TimeSpan Longer { get; }

    public HttpRequestMessage Make()
    {
        var request = _calls.Request(HttpMethod.Post, _path, _body);
        if (_accept is not null)
            request.Headers.Accept.Add(new(_accept));
        if (_tag is not null)
            request.Headers.Add("Halo-Tag", _tag);
        if (Key is not null)
            request.Headers.Add("Idempotency-Key", Key);
        return request;
    }

    static QueryCommand? Within(QueryCommand? command, TimeSpan timeout) => command is null ? null : command with { Timeout = Milliseconds(timeout) };

    static int Milliseconds(TimeSpan time) => checked((int)Math.Ceiling(time.TotalMilliseconds));
}
