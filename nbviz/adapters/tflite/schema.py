"""The schema of TFLite files: the fields of each table, and the meaning of enum numbers.

It is that of LiteRT 2.3. A table begins with its name; its fields stand in the order of their slots, ``-`` for one that is no
longer used. A field whose type is a union has two slots. Options without fields are left out. A later version of the format
only adds fields at the end and numbers behind the last.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

_TABLES = """
Model version:u32 operator_codes:[OperatorCode] subgraphs:[SubGraph] description:str buffers:[Buffer]
  metadata_buffer:[i32] metadata:[Metadata] signature_defs:[SignatureDef]
  external_buffer_groups:[ExternalBufferGroup] external_buffers:[ExternalBuffer]
OperatorCode deprecated_builtin_code:i8 custom_code:str version:i32=1 builtin_code:BuiltinOperator
SubGraph tensors:[Tensor] inputs:[i32] outputs:[i32] operators:[Operator] name:str debug_metadata_index:i32=-1
Operator opcode_index:u32 inputs:[i32] outputs:[i32] builtin_options:BuiltinOptions custom_options:[u8]
  custom_options_format:CustomOptionsFormat mutating_variable_inputs:[bool] intermediates:[i32]
  large_custom_options_offset:u64 large_custom_options_size:u64 builtin_options2:BuiltinOptions2
  debug_metadata_index:i32=-1
Tensor shape:[i32] type:TensorType buffer:u32 name:str quantization:QuantizationParameters is_variable:bool
  sparsity:SparsityParameters shape_signature:[i32] has_rank:bool variant_tensors:[VariantSubType]
  external_buffer:u32
Buffer data:[u8] offset:u64 size:u64
QuantizationParameters min:[f32] max:[f32] scale:[f32] zero_point:[i64] details:QuantizationDetails
  quantized_dimension:i32
BlockwiseQuantization scales:i32 zero_points:i32 block_size:i32 block_shape:[i32]
MultiAxisQuantization scales:i32 zero_points:i32 block_size:i32 quantized_dimensions:[i32]
CustomQuantization custom:[u8]
SparsityParameters traversal_order:[i32] block_map:[i32] dim_metadata:[DimensionMetadata]
DimensionMetadata format:DimensionType dense_size:i32 array_segments:SparseIndexVector
  array_indices:SparseIndexVector
Int32Vector values:[i32]
Uint16Vector values:[u16]
Uint8Vector values:[u8]
VariantSubType shape:[i32] type:TensorType has_rank:bool
Metadata name:str buffer:u32
SignatureDef inputs:[TensorMap] outputs:[TensorMap] signature_key:str - subgraph_index:u32
TensorMap name:str tensor_index:u32
ExternalBuffer id:u32 group:u32 offset:u64 - packing:str
ExternalBufferGroup name:str
"""

_OPTIONS = """
AddOptions fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1
ArgMaxOptions output_type:TensorType
ArgMinOptions output_type:TensorType
BatchMatMulOptions adj_x:bool adj_y:bool asymmetric_quantize_inputs:bool
BidirectionalSequenceLSTMOptions fused_activation_function:ActivationFunctionType cell_clip:f32 proj_clip:f32
  merge_outputs:bool time_major:bool=1 asymmetric_quantize_inputs:bool
BidirectionalSequenceRNNOptions time_major:bool fused_activation_function:ActivationFunctionType merge_outputs:bool
  asymmetric_quantize_inputs:bool
BucketizeOptions boundaries:[f32]
CallOnceOptions init_subgraph_index:i32
CallOptions subgraph:u32
CastOptions in_data_type:TensorType out_data_type:TensorType
ConcatEmbeddingsOptions num_channels:i32 num_columns_per_channel:[i32] embedding_dim_per_channel:[i32]
ConcatenationOptions axis:i32 fused_activation_function:ActivationFunctionType
Conv2DOptions padding:Padding stride_w:i32 stride_h:i32 fused_activation_function:ActivationFunctionType
  dilation_w_factor:i32=1 dilation_h_factor:i32=1 quantized_bias_type:TensorType
Conv3DOptions padding:Padding stride_d:i32 stride_w:i32 stride_h:i32
  fused_activation_function:ActivationFunctionType dilation_d_factor:i32=1 dilation_w_factor:i32=1
  dilation_h_factor:i32=1
CumsumOptions exclusive:bool reverse:bool
DepthToSpaceOptions block_size:i32
DepthwiseConv2DOptions padding:Padding stride_w:i32 stride_h:i32 depth_multiplier:i32
  fused_activation_function:ActivationFunctionType dilation_w_factor:i32=1 dilation_h_factor:i32=1
DivOptions fused_activation_function:ActivationFunctionType
EmbeddingLookupSparseOptions combiner:CombinerType
FakeQuantOptions min:f32 max:f32 num_bits:i32 narrow_range:bool
FullyConnectedOptions fused_activation_function:ActivationFunctionType
  weights_format:FullyConnectedOptionsWeightsFormat keep_num_dims:bool asymmetric_quantize_inputs:bool
  quantized_bias_type:TensorType quant_spec:[u8]
GatherOptions axis:i32 batch_dims:i32
GeluOptions approximate:bool
HashtableOptions table_id:i32 key_dtype:TensorType value_dtype:TensorType
IfOptions then_subgraph_index:i32 else_subgraph_index:i32
L2NormOptions fused_activation_function:ActivationFunctionType
LSHProjectionOptions type:LSHProjectionType
LSTMOptions fused_activation_function:ActivationFunctionType cell_clip:f32 proj_clip:f32 kernel_type:LSTMKernelType
  asymmetric_quantize_inputs:bool
LeakyReluOptions alpha:f32
LocalResponseNormalizationOptions radius:i32 bias:f32 alpha:f32 beta:f32
MirrorPadOptions mode:MirrorPadMode
MulOptions fused_activation_function:ActivationFunctionType
OneHotOptions axis:i32
PackOptions values_count:i32 axis:i32
Pool2DOptions padding:Padding stride_w:i32 stride_h:i32 filter_width:i32 filter_height:i32
  fused_activation_function:ActivationFunctionType
RNNOptions fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
RandomOptions seed:i64 seed2:i64
ReduceWindowOptions reduce_function:ReduceWindowFunction
ReducerOptions keep_dims:bool
ReshapeOptions new_shape:[i32]
ResizeBilinearOptions - - align_corners:bool half_pixel_centers:bool
ResizeNearestNeighborOptions align_corners:bool half_pixel_centers:bool
ReverseSequenceOptions seq_dim:i32 batch_dim:i32
SVDFOptions rank:i32 fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
SequenceRNNOptions time_major:bool fused_activation_function:ActivationFunctionType asymmetric_quantize_inputs:bool
ShapeOptions out_type:TensorType
SkipGramOptions ngram_size:i32 max_skip_size:i32 include_all_ngrams:bool
SoftmaxOptions beta:f32
SpaceToDepthOptions block_size:i32
SparseToDenseOptions validate_indices:bool
SplitOptions num_splits:i32
SplitVOptions num_splits:i32
SqueezeOptions squeeze_dims:[i32]
StableHLOCompositeOptions name:str decomposition_subgraph_index:i32 composite_attributes:[u8]
  composite_attributes_format:i8 version:i32
StablehloBroadcastInDimOptions broadcast_dimensions:[i64]
StablehloCaseOptions branch_subgraph_indices:[i32]
StablehloCompareOptions comparison_direction:StablehloComparisonDirection compare_type:StablehloComparisonType
StablehloConcatenateOptions dimension:i64
StablehloConvolutionOptions window_strides:[i64] padding:[i64] lhs_dilation:[i64] rhs_dilation:[i64]
  window_reversal:[bool] input_batch_dimension:i64 input_feature_dimension:i64 input_spatial_dimensions:[i64]
  kernel_input_feature_dimension:i64 kernel_output_feature_dimension:i64 kernel_spatial_dimensions:[i64]
  output_batch_dimension:i64 output_feature_dimension:i64 output_spatial_dimensions:[i64] feature_group_count:i64
  batch_group_count:i64 precision_config:[StablehloPrecisionConfig]
StablehloCustomCallOptions call_target_name:str has_side_effect:bool backend_config:str api_version:i32
  called_computations:[i32] custom_attributes:[u8]
StablehloDotGeneralOptions lhs_batching_dimensions:[i64] rhs_batching_dimensions:[i64]
  lhs_contracting_dimensions:[i64] rhs_contracting_dimensions:[i64] precision_config:[StablehloPrecisionConfig]
StablehloDynamicSliceOptions slice_sizes:[i64]
StablehloGatherOptions offset_dims:[i64] collapsed_slice_dims:[i64] start_index_map:[i64] index_vector_dim:i64
  slice_sizes:[i64] indices_are_sorted:bool
StablehloIotaOptions iota_dimension:i64
StablehloPadOptions edge_padding_low:[i64] edge_padding_high:[i64] interior_padding:[i64]
StablehloReduceOptions dimensions:[i64] body_subgraph_index:i32
StablehloReduceWindowOptions window_dimensions:[i64] window_strides:[i64] base_dilations:[i64]
  window_dilations:[i64] padding:[i64] body_subgraph_index:i32
StablehloRngBitGeneratorOptions algorithm:RngAlgorithm
StablehloScatterOptions indices_are_sorted:bool update_window_dims:[i64] inserted_window_dims:[i64]
  scatter_dims_to_operand_dims:[i64] index_vector_dim:i64 unique_indices:bool update_computation_subgraph_index:i32
StablehloSliceOptions start_indices:[i64] limit_indices:[i64] strides:[i64]
StablehloSortOptions dimension:i64 is_stable:bool comparator_subgraph_index:i32
StablehloTransposeOptions permutation:[i64]
StablehloWhileOptions cond_subgraph_index:i32 body_subgraph_index:i32
StridedSliceOptions begin_mask:i32 end_mask:i32 ellipsis_mask:i32 new_axis_mask:i32 shrink_axis_mask:i32 offset:bool
SubOptions fused_activation_function:ActivationFunctionType pot_scale_int16:bool=1
TransposeConvOptions padding:Padding stride_w:i32 stride_h:i32 fused_activation_function:ActivationFunctionType
  quantized_bias_type:TensorType
UnidirectionalSequenceLSTMOptions fused_activation_function:ActivationFunctionType cell_clip:f32 proj_clip:f32
  time_major:bool asymmetric_quantize_inputs:bool diagonal_recurrent_tensors:bool
UniqueOptions idx_out_type:TensorType=2
UnpackOptions num:i32 axis:i32
VarHandleOptions container:str shared_name:str
WhileOptions cond_subgraph_index:i32 body_subgraph_index:i32
"""

_NAMES = """
TensorType FLOAT32 FLOAT16 INT32 UINT8 INT64 STRING BOOL INT16 COMPLEX64 INT8 FLOAT64 COMPLEX128 UINT64 RESOURCE
  VARIANT UINT32 UINT16 INT4 BFLOAT16 INT2 UINT4 FLOAT8_E4M3FN FLOAT8_E5M2
QuantizationDetails NONE CustomQuantization BlockwiseQuantization MultiAxisQuantization
DimensionType DENSE SPARSE_CSR
SparseIndexVector NONE Int32Vector Uint16Vector Uint8Vector
BuiltinOperator ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
  EMBEDDING_LOOKUP FLOOR FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION
  LOGISTIC LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX
  SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
  UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
  UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE
  BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL
  SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW
  ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN
  FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE
  MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG
  QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
  SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D
  CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
  CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
  RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
  UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC
  STABLEHLO_ADD STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP
  STABLEHLO_CONCATENATE STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL
  STABLEHLO_REDUCE STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
  STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT
  STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
  STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL
  STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
  STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
BuiltinOptions NONE Conv2DOptions DepthwiseConv2DOptions ConcatEmbeddingsOptions LSHProjectionOptions Pool2DOptions
  SVDFOptions RNNOptions FullyConnectedOptions SoftmaxOptions ConcatenationOptions AddOptions L2NormOptions
  LocalResponseNormalizationOptions LSTMOptions ResizeBilinearOptions CallOptions ReshapeOptions SkipGramOptions
  SpaceToDepthOptions EmbeddingLookupSparseOptions MulOptions PadOptions GatherOptions BatchToSpaceNDOptions
  SpaceToBatchNDOptions TransposeOptions ReducerOptions SubOptions DivOptions SqueezeOptions SequenceRNNOptions
  StridedSliceOptions ExpOptions TopKV2Options SplitOptions LogSoftmaxOptions CastOptions DequantizeOptions
  MaximumMinimumOptions ArgMaxOptions LessOptions NegOptions PadV2Options GreaterOptions GreaterEqualOptions
  LessEqualOptions SelectOptions SliceOptions TransposeConvOptions SparseToDenseOptions TileOptions
  ExpandDimsOptions EqualOptions NotEqualOptions ShapeOptions PowOptions ArgMinOptions FakeQuantOptions PackOptions
  LogicalOrOptions OneHotOptions LogicalAndOptions LogicalNotOptions UnpackOptions FloorDivOptions SquareOptions
  ZerosLikeOptions FillOptions BidirectionalSequenceLSTMOptions BidirectionalSequenceRNNOptions
  UnidirectionalSequenceLSTMOptions FloorModOptions RangeOptions ResizeNearestNeighborOptions LeakyReluOptions
  SquaredDifferenceOptions MirrorPadOptions AbsOptions SplitVOptions UniqueOptions ReverseV2Options AddNOptions
  GatherNdOptions CosOptions WhereOptions RankOptions ReverseSequenceOptions MatrixDiagOptions QuantizeOptions
  MatrixSetDiagOptions HardSwishOptions IfOptions WhileOptions DepthToSpaceOptions NonMaxSuppressionV4Options
  NonMaxSuppressionV5Options ScatterNdOptions SelectV2Options DensifyOptions SegmentSumOptions BatchMatMulOptions
  CumsumOptions CallOnceOptions BroadcastToOptions Rfft2dOptions Conv3DOptions HashtableOptions HashtableFindOptions
  HashtableImportOptions HashtableSizeOptions VarHandleOptions ReadVariableOptions AssignVariableOptions
  RandomOptions BucketizeOptions GeluOptions DynamicUpdateSliceOptions UnsortedSegmentProdOptions
  UnsortedSegmentMaxOptions UnsortedSegmentMinOptions UnsortedSegmentSumOptions ATan2Options SignOptions
  BitcastOptions BitwiseXorOptions RightShiftOptions
BuiltinOptions2 NONE StablehloConcatenateOptions StablehloBroadcastInDimOptions StablehloSliceOptions
  StablehloConvolutionOptions StablehloCustomCallOptions StablehloReduceOptions StablehloScatterOptions
  StablehloCompareOptions StablehloDynamicSliceOptions StablehloPadOptions StablehloIotaOptions
  StablehloDotGeneralOptions StablehloReduceWindowOptions StablehloSortOptions StablehloWhileOptions
  StablehloGatherOptions StablehloTransposeOptions DilateOptions StablehloRngBitGeneratorOptions ReduceWindowOptions
  StableHLOCompositeOptions StablehloShiftLeftOptions StablehloCaseOptions
StablehloPrecisionConfig DEFAULT HIGH HIGHEST
StablehloComparisonDirection STABLEHLO_COMPARISON_DIRECTION_EQ STABLEHLO_COMPARISON_DIRECTION_NE
  STABLEHLO_COMPARISON_DIRECTION_GE STABLEHLO_COMPARISON_DIRECTION_GT STABLEHLO_COMPARISON_DIRECTION_LE
  STABLEHLO_COMPARISON_DIRECTION_LT
StablehloComparisonType STABLEHLO_COMPARISON_TYPE_NOTYPE STABLEHLO_COMPARISON_TYPE_FLOAT
  STABLEHLO_COMPARISON_TYPE_FLOAT_TOTAL_ORDER STABLEHLO_COMPARISON_TYPE_SIGNED STABLEHLO_COMPARISON_TYPE_UNSIGNED
RngAlgorithm DEFAULT PHILOX THREEFRY
Padding SAME VALID
ActivationFunctionType NONE RELU RELU_N1_TO_1 RELU6 TANH SIGN_BIT
LSHProjectionType UNKNOWN SPARSE DENSE
FullyConnectedOptionsWeightsFormat DEFAULT SHUFFLED4x16INT8
LSTMKernelType FULL BASIC
CombinerType SUM MEAN SQRTN
MirrorPadMode REFLECT SYMMETRIC
ReduceWindowFunction UNSUPPORTED ADD MUL MINIMUM MAXIMUM ALL ANY
CustomOptionsFormat FLEXBUFFERS
"""

_UNIONS = frozenset({"BuiltinOptions", "BuiltinOptions2", "QuantizationDetails", "SparseIndexVector"})


@final
@dataclass(frozen=True, slots=True)
class Field:
    """A field of a table.

    Attributes
    ----------
    slot
        Which of the table's slots holds it; the number of a union's type is in the one before.
    type
        A number (``"i32"``), ``"bool"``, ``"str"``, or the name of a table, of a union or of what numbers stand for.
    several
        Whether it is a vector of them.
    default
        What it is where it is left out.
    """

    slot: int
    type: str
    several: bool = False
    default: int = 0


@functools.cache
def tables() -> Mapping[str, Mapping[str, Field]]:
    """Return the fields of all tables by name."""
    return {name: _fields(rest) for name, rest in _entries(_TABLES + _OPTIONS)}


@functools.cache
def names() -> Mapping[str, tuple[str, ...]]:
    """Return what numbers stand for: the names in the order of their numbers."""
    return {name: tuple(rest) for name, rest in _entries(_NAMES)}


def is_union(name: str) -> bool:
    """Tell whether a type is one of several tables, which a number before it tells."""
    return name in _UNIONS


def _entries(text: str) -> list[tuple[str, list[str]]]:
    lines = text.replace("\n  ", " ").split("\n")
    return [(name, rest) for name, *rest in map(str.split, filter(None, lines))]


def _fields(written: list[str]) -> dict[str, Field]:
    found: dict[str, Field] = {}
    slot = 0
    for part in written:
        name, _, rest = part.partition(":")
        kind, _, default = rest.partition("=")
        slot += is_union(kind)
        if name != "-":
            found[name] = Field(slot, kind.strip("[]"), kind.startswith("["), int(default or 0))
        slot += 1
    return found
