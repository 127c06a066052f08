using System.Text.Json;

namespace Halo.Bench.Stands;

/// <summary>A program of the harness that takes a line of JSON and answers with one.</summary>
sealed class OrderedChild<TOrder, TAnswer>(string project, params string[] arguments) : Child(Dotnet, [Programs.Of(project), .. arguments], talks: true)
{
    public async Task<TAnswer> AskAsync(TOrder order)
    {
        await Input.WriteLineAsync(JsonSerializer.Serialize(order));
        await Input.FlushAsync();
        return await Output.ReadLineAsync() is { } line
            ? JsonSerializer.Deserialize<TAnswer>(line)!
            : throw new InvalidOperationException($"{project} ended: {Errors}");
    }
}
