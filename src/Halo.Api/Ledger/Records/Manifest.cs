using System.Security.Cryptography;
using Halo.LinkProtocol.Messages;

namespace Halo.Api.Ledger.Records;

/// <summary>Whether the pages that are here are the whole result that the Link says it delivered.</summary>
static class Manifest
{
    /// <summary>The digest of a whole result: SHA-256 over the pages' own SHA-256 (32 bytes each), in order, base64.</summary>
    public static string DigestOf(IEnumerable<string> pageDigests)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var digest in pageDigests)
            hash.AppendData(Convert.FromBase64String(digest));
        return Convert.ToBase64String(hash.GetHashAndReset());
    }

    /// <param name="pages">In order.</param>
    /// <param name="rowsBefore">The rows that an earlier report named.</param>
    /// <returns>Null: it is whole. Else the pages that are missing; none where all are here and something else differs.</returns>
    public static IReadOnlyList<int>? Compare(IReadOnlyList<PageRow> pages, Report report, long? rowsBefore)
    {
        var missing = Enumerable.Range(1, report.PageCount).Except(pages.Select(p => p.PageNumber)).ToList();
        if (missing.Count > 0)
            return missing;
        if (pages.Count != report.PageCount)
            return [];
        if (pages.Count == 0 && report.Results is null)
            return report.Rows is null or 0 ? null : [];
        return IsWhole(pages, report.Results ?? [new() { Rows = report.Rows ?? rowsBefore, PageCount = report.PageCount }])
            && (pages.Count == 0 || report.Digest == DigestOf(pages.Select(p => p.Digest))) ? null : [];
    }

    /// <summary>Whether each result has its pages, and they its rows, one after the other.</summary>
    static bool IsWhole(IReadOnlyList<PageRow> pages, IReadOnlyList<BatchResult> results)
    {
        var page = 0;
        foreach (var result in results)
        {
            var rows = 0L;
            for (var end = page + result.PageCount; page < end; page++)
            {
                if (page >= pages.Count || pages[page] is { RowCount: > 0, RowStart: var start } && start != rows)
                    return false;
                rows += pages[page].RowCount;
            }
            if (rows != (result.Rows ?? 0))
                return false;
        }
        return page == pages.Count;
    }
}
