namespace Halo.Bench.Measuring;

/// <summary>The same work by several ways in turns, so that what else the machine does meets all of them.</summary>
static class Alternation
{
    /// <summary>Every second round goes backwards: no way is always the first.</summary>
    /// <returns>For each way its rounds.</returns>
    public static async Task<IReadOnlyList<IReadOnlyList<T>>> RunAsync<T>(int rounds, IReadOnlyList<Func<Task<T>>> ways)
    {
        var results = ways.Select(_ => new List<T>(rounds)).ToList();
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < ways.Count; i++)
            {
                var way = round % 2 == 0 ? i : ways.Count - 1 - i;
                results[way].Add(await ways[way]());
            }
        }
        return results;
    }
}
