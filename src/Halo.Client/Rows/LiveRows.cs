using System.Globalization;
using System.Text.Json;
using Halo.Client.Calls;
using Halo.Contracts.Queries;

namespace Halo.Client.Rows;

/// <summary>Rows of an immediate query as they come. It is at its end only where all of them were there; who disposes of it before cancels the query.</summary>
sealed class LiveRows : IAsyncDisposable
{
    readonly SiteCalls _site;
    readonly HttpResponseMessage _response;
    readonly RowReader _rows;

    LiveRows(SiteCalls site, HttpResponseMessage response, RowReader rows)
    {
        (_site, _response, _rows) = (site, response, rows);
        QueryId = response.Headers.TryGetValues("Halo-Query-Id", out var values) && Guid.TryParse(values.First(), out var id) ? id : null;
    }

    public Guid? QueryId { get; }

    public Row Row => _rows.Row;

    /// <summary>Of <see cref="SiteCalls.TableType"/>, once <see cref="ReadAsync"/> has ended the first time.</summary>
    public IReadOnlyList<ResultColumn>? Columns => _rows.Columns;

    /// <param name="form"><see cref="SiteCalls.RowsType"/> or <see cref="SiteCalls.TableType"/>.</param>
    /// <exception cref="HaloException">It did not succeed.</exception>
    public static async Task<LiveRows> OpenAsync(SiteCalls site, QueryCommand command, HaloQueryOptions? options, string form, CancellationToken stop)
    {
        var response = await site.OpenRowsAsync(command, options, form, stop);
        var patience = site.Calls.Options.AnswerTimeout + (options?.Timeout ?? TimeSpan.Zero);
        var body = new AnswerStream(response, await response.Content.ReadAsStreamAsync(stop), patience, site.Calls.Options.TimeProvider);
        return new(site, response, new(body, isTable: form == SiteCalls.TableType));
    }

    /// <summary>Goes on to the next row.</summary>
    /// <returns>False: there are no more, and all were there.</returns>
    /// <exception cref="HaloException">They broke off.</exception>
    public ValueTask<bool> ReadAsync(CancellationToken stop)
    {
        try
        {
            var next = _rows.ReadAsync(stop);
            // Most rows have come with one before.
            return next is { IsCompletedSuccessfully: true, Result: true } ? new(true) : NextAsync(next, stop);
        }
        catch (JsonException e)
        {
            return NextAsync(ValueTask.FromException<bool>(e), stop);
        }
    }

    public ValueTask DisposeAsync() => _rows.DisposeAsync();

    async ValueTask<bool> NextAsync(ValueTask<bool> next, CancellationToken stop)
    {
        try
        {
            if (await next)
                return true;
        }
        catch (Exception e) when (e is IOException or HttpRequestException or JsonException or OperationCanceledException)
        {
            throw await _site.BrokenAsync(e, QueryId, stop);
        }
        // HTTP/2 says at the end how many there were.
        if (_response.TrailingHeaders.TryGetValues("Halo-Rows", out var told)
            && (!long.TryParse(told.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var all) || all != _rows.Count))
            throw await _site.BrokenAsync(new InvalidDataException("There were fewer rows than the answer says."), QueryId, stop);
        return false;
    }
}
