using System.Text.Json;
using System.Text.Json.Serialization;
using Halo.Contracts.Queries;

namespace Halo.Link.Engines.Sqlite.Worker;

/// <summary>A command for a worker.</summary>
/// <param name="ConnectionString">Of the site, or of the integrator's own login.</param>
/// <param name="Request">What to run. The Link alone counts its limit.</param>
sealed record WorkerCommand(string ConnectionString, CommandRequest Request);

/// <summary>How a command ended.</summary>
/// <param name="Result">As the runner in the worker tells it.</param>
/// <param name="Grown">It took so much memory that the worker should give it back by ending.</param>
sealed record WorkerEnd(ExecutionResult Result, bool Grown);

/// <summary>Both ends are the same program: nothing has to be read that another version wrote. What the line could read, deeper by a level, can be read here too.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 128)]
[JsonSerializable(typeof(WorkerCommand))]
[JsonSerializable(typeof(WorkerEnd))]
[JsonSerializable(typeof(IReadOnlyList<ResultColumn>))]
sealed partial class WorkerJson : JsonSerializerContext;
