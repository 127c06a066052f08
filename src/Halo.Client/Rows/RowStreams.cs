using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Halo.Client.Calls;
using Halo.Contracts.Queries;

namespace Halo.Client.Rows;

/// <summary>Rows as objects: of a whole answer, and of one that is read as it comes.</summary>
static class RowStreams
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>All rows of a result in an immediate query's answer.</summary>
    public static async Task<List<T>> OfAsync<[DynamicallyAccessedMembers(Needed)] T>(QueryResult result, CancellationToken stop)
    {
        var made = new List<T>((int)(result.Rows ?? 0));
        await using var rows = new RowReader(new MemoryStream(Convert.FromBase64String(result.Data!), writable: false));
        await foreach (var row in MapAsync<T>(rows, stop))
            made.Add(row);
        return made.Count == result.Rows ? made : throw new InvalidDataException("The answer has not as many rows as it says.");
    }

    /// <summary>The rest of the rows, each as an object.</summary>
    public static async IAsyncEnumerable<T> MapAsync<[DynamicallyAccessedMembers(Needed)] T>(RowReader rows, [EnumeratorCancellation] CancellationToken stop)
    {
        Func<Row, T>? map = null;
        while (await rows.ReadAsync(stop))
            yield return (map ??= RowMapper.For<T>(rows.Row.Names))(rows.Row);
    }

    /// <summary>Rows of an immediate query as they come. A caller that stops reading cancels it.</summary>
    public static async IAsyncEnumerable<T> StreamAsync<[DynamicallyAccessedMembers(Needed)] T>(
        SiteCalls site, QueryCommand command, HaloQueryOptions? options, [EnumeratorCancellation] CancellationToken stop)
    {
        await using var rows = await LiveRows.OpenAsync(site, command, options, SiteCalls.RowsType, stop);
        Func<Row, T>? map = null;
        while (await rows.ReadAsync(stop))
            yield return (map ??= RowMapper.For<T>(rows.Row.Names))(rows.Row);
    }
}
