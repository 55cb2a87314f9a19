module attributes {weft.batch = 8 : i64, weft.microbatches = 1 : i64, weft.model = "qwen2_moe.opset18.eager.onnx"} {
  weft.param @model.model.embed_tokens.weight : tensor<64x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 290696, bytes = 8192, fileBytes = 429221, elementType = f32, shape = [64, 32], perm = []>
  weft.param @model.model.layers.0.self_attn.q_proj.bias : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 298942, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.0.self_attn.k_proj.bias : tensor<16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 299122, bytes = 64, fileBytes = 429221, elementType = f32, shape = [16], perm = []>
  weft.param @model.model.layers.0.self_attn.v_proj.bias : tensor<16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 299238, bytes = 64, fileBytes = 429221, elementType = f32, shape = [16], perm = []>
  weft.param @model.model.layers.0.mlp.gate.weight : tensor<4x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 299352, bytes = 512, fileBytes = 429221, elementType = f32, shape = [4, 32], perm = []>
  weft.param @model.model.layers.0.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 299933, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [24, 32], perm = []>
  weft.param @model.model.layers.0.mlp.shared_expert.up_proj.weight : tensor<24x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 303072, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [24, 32], perm = []>
  weft.param @model.model.layers.0.mlp.shared_expert.down_proj.weight : tensor<32x24xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 306213, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [32, 24], perm = []>
  weft.param @model.model.layers.0.mlp.shared_expert_gate.weight : tensor<1x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 309349, bytes = 128, fileBytes = 429221, elementType = f32, shape = [1, 32], perm = []>
  weft.param @model.model.layers.0.input_layernorm.weight : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 309532, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.0.post_attention_layernorm.weight : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 309724, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.1.self_attn.q_proj.bias : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 309906, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.1.self_attn.k_proj.bias : tensor<16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 310086, bytes = 64, fileBytes = 429221, elementType = f32, shape = [16], perm = []>
  weft.param @model.model.layers.1.self_attn.v_proj.bias : tensor<16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 310202, bytes = 64, fileBytes = 429221, elementType = f32, shape = [16], perm = []>
  weft.param @model.model.layers.1.mlp.gate.weight : tensor<4x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 310316, bytes = 512, fileBytes = 429221, elementType = f32, shape = [4, 32], perm = []>
  weft.param @model.model.layers.1.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 310897, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [24, 32], perm = []>
  weft.param @model.model.layers.1.mlp.shared_expert.up_proj.weight : tensor<24x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 314036, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [24, 32], perm = []>
  weft.param @model.model.layers.1.mlp.shared_expert.down_proj.weight : tensor<32x24xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 317177, bytes = 3072, fileBytes = 429221, elementType = f32, shape = [32, 24], perm = []>
  weft.param @model.model.layers.1.mlp.shared_expert_gate.weight : tensor<1x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 320313, bytes = 128, fileBytes = 429221, elementType = f32, shape = [1, 32], perm = []>
  weft.param @model.model.layers.1.input_layernorm.weight : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 320496, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.1.post_attention_layernorm.weight : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 320688, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.norm.weight : tensor<32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 320851, bytes = 128, fileBytes = 429221, elementType = f32, shape = [32], perm = []>
  weft.param @model.model.layers.0.self_attn.q_proj.weight : tensor<32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 321205, bytes = 4096, fileBytes = 429221, elementType = f32, shape = [32, 32], perm = [1, 0]>
  weft.param @model.model.layers.0.self_attn.k_proj.weight : tensor<16x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 325322, bytes = 2048, fileBytes = 429221, elementType = f32, shape = [32, 16], perm = [1, 0]>
  weft.param @model.model.layers.0.self_attn.v_proj.weight : tensor<16x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 327391, bytes = 2048, fileBytes = 429221, elementType = f32, shape = [32, 16], perm = [1, 0]>
  weft.param @model.model.layers.0.self_attn.o_proj.weight : tensor<32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 329535, bytes = 4096, fileBytes = 429221, elementType = f32, shape = [32, 32], perm = [1, 0]>
  weft.param @model.model.layers.0.mlp.experts.gate_up_proj : tensor<4x32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 333689, bytes = 16384, fileBytes = 429221, elementType = f32, shape = [4, 32, 32], perm = []>
  weft.param @model.model.layers.0.mlp.experts.down_proj : tensor<4x32x16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 350096, bytes = 8192, fileBytes = 429221, elementType = f32, shape = [4, 32, 16], perm = []>
  weft.param @model.model.layers.1.self_attn.q_proj.weight : tensor<32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 358309, bytes = 4096, fileBytes = 429221, elementType = f32, shape = [32, 32], perm = [1, 0]>
  weft.param @model.model.layers.1.self_attn.k_proj.weight : tensor<16x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 362426, bytes = 2048, fileBytes = 429221, elementType = f32, shape = [32, 16], perm = [1, 0]>
  weft.param @model.model.layers.1.self_attn.v_proj.weight : tensor<16x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 364495, bytes = 2048, fileBytes = 429221, elementType = f32, shape = [32, 16], perm = [1, 0]>
  weft.param @model.model.layers.1.self_attn.o_proj.weight : tensor<32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 366564, bytes = 4096, fileBytes = 429221, elementType = f32, shape = [32, 32], perm = [1, 0]>
  weft.param @model.model.layers.1.mlp.experts.gate_up_proj : tensor<4x32x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 370685, bytes = 16384, fileBytes = 429221, elementType = f32, shape = [4, 32, 32], perm = []>
  weft.param @model.model.layers.1.mlp.experts.down_proj : tensor<4x32x16xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 387092, bytes = 8192, fileBytes = 429221, elementType = f32, shape = [4, 32, 16], perm = []>
  weft.param @model.lm_head.weight : tensor<64x32xf32> trainable decay = #weft.file<path = "/work/venv/m/qwen2_moe.opset18.eager.onnx", offset = 395305, bytes = 8192, fileBytes = 429221, elementType = f32, shape = [32, 64], perm = [1, 0]>
  weft.state hyper @hyper : tensor<16xf64> = 0.000000e+00
  weft.state step @step : tensor<i64> = 0.000000e+00 checkpointed
  weft.state metric @loss_sum : tensor<f64> = 0.000000e+00
  weft.state metric @loss_count : tensor<f64> = 0.000000e+00
  weft.state metric @eval_loss_sum : tensor<f64> = 0.000000e+00
  weft.state metric @eval_loss_count : tensor<f64> = 0.000000e+00
  weft.state metric @grad_norm : tensor<f64> = 0.000000e+00
  weft.state metric @lr : tensor<f64> = 0.000000e+00
  weft.state moment @"adamw.m/model.model.embed_tokens.weight" : tensor<64x32xf32> = 0.000000e+00 of @model.model.embed_tokens.weight checkpointed
  weft.state moment @"adamw.v/model.model.embed_tokens.weight" : tensor<64x32xf32> = 0.000000e+00 of @model.model.embed_tokens.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.q_proj.bias" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.q_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.q_proj.bias" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.q_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.k_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.k_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.k_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.k_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.v_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.v_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.v_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.v_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.gate.weight" : tensor<4x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.gate.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.gate.weight" : tensor<4x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.gate.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.gate_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.gate_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.up_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.up_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.down_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert.down_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.shared_expert_gate.weight" : tensor<1x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert_gate.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.shared_expert_gate.weight" : tensor<1x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.shared_expert_gate.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.input_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.input_layernorm.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.input_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.input_layernorm.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.post_attention_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.post_attention_layernorm.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.post_attention_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.0.post_attention_layernorm.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.q_proj.bias" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.q_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.q_proj.bias" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.q_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.k_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.k_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.k_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.k_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.v_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.v_proj.bias checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.v_proj.bias" : tensor<16xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.v_proj.bias checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.gate.weight" : tensor<4x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.gate.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.gate.weight" : tensor<4x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.gate.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.gate_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.gate_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.up_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.up_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.down_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert.down_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.shared_expert_gate.weight" : tensor<1x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert_gate.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.shared_expert_gate.weight" : tensor<1x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.shared_expert_gate.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.input_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.input_layernorm.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.input_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.input_layernorm.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.post_attention_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.post_attention_layernorm.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.post_attention_layernorm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.layers.1.post_attention_layernorm.weight checkpointed
  weft.state moment @"adamw.m/model.model.norm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.norm.weight checkpointed
  weft.state moment @"adamw.v/model.model.norm.weight" : tensor<32xf32> = 0.000000e+00 of @model.model.norm.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.q_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.q_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.q_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.q_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.k_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.k_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.k_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.k_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.v_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.v_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.v_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.v_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.self_attn.o_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.o_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.self_attn.o_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.0.self_attn.o_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.experts.gate_up_proj" : tensor<4x32x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.experts.gate_up_proj checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.experts.gate_up_proj" : tensor<4x32x32xf32> = 0.000000e+00 of @model.model.layers.0.mlp.experts.gate_up_proj checkpointed
  weft.state moment @"adamw.m/model.model.layers.0.mlp.experts.down_proj" : tensor<4x32x16xf32> = 0.000000e+00 of @model.model.layers.0.mlp.experts.down_proj checkpointed
  weft.state moment @"adamw.v/model.model.layers.0.mlp.experts.down_proj" : tensor<4x32x16xf32> = 0.000000e+00 of @model.model.layers.0.mlp.experts.down_proj checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.q_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.q_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.q_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.q_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.k_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.k_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.k_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.k_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.v_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.v_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.v_proj.weight" : tensor<16x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.v_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.self_attn.o_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.o_proj.weight checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.self_attn.o_proj.weight" : tensor<32x32xf32> = 0.000000e+00 of @model.model.layers.1.self_attn.o_proj.weight checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.experts.gate_up_proj" : tensor<4x32x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.experts.gate_up_proj checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.experts.gate_up_proj" : tensor<4x32x32xf32> = 0.000000e+00 of @model.model.layers.1.mlp.experts.gate_up_proj checkpointed
  weft.state moment @"adamw.m/model.model.layers.1.mlp.experts.down_proj" : tensor<4x32x16xf32> = 0.000000e+00 of @model.model.layers.1.mlp.experts.down_proj checkpointed
  weft.state moment @"adamw.v/model.model.layers.1.mlp.experts.down_proj" : tensor<4x32x16xf32> = 0.000000e+00 of @model.model.layers.1.mlp.experts.down_proj checkpointed
  weft.state moment @"adamw.m/model.lm_head.weight" : tensor<64x32xf32> = 0.000000e+00 of @model.lm_head.weight checkpointed
  weft.state moment @"adamw.v/model.lm_head.weight" : tensor<64x32xf32> = 0.000000e+00 of @model.lm_head.weight checkpointed
  func.func @task_step(%arg0: tensor<8x16xi64> {weft.limit = 64 : i64, weft.name = "input_ids", weft.role = "tokens"}, %arg1: tensor<8x16xi64> {weft.ignore = -100 : i64, weft.limit = 64 : i64, weft.name = "labels", weft.role = "labels"}) {
    %cst = arith.constant dense<1> : tensor<i64>
    %cst_0 = arith.constant dense<9.9999999999999995E-7> : tensor<f64>
    %cst_1 = arith.constant dense<1.000000e+00> : tensor<f64>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f64>
    %cst_3 = arith.constant dense<1.000000e+00> : tensor<128x24xf32>
    %cst_4 = arith.constant dense<0.000000e+00> : tensor<128x2x4xf32>
    %cst_5 = arith.constant dense<1.000000e+00> : tensor<256x16xf32>
    %cst_6 = arith.constant dense<9.99999997E-7> : tensor<8x16xf32>
    %cst_7 = arith.constant dense<3.125000e-02> : tensor<8x16xf32>
    %cst_8 = arith.constant dense<0.000000e+00> : tensor<8x16xf32>
    %cst_9 = arith.constant dense<1.000000e+00> : tensor<8x16x64xf32>
    %cst_10 = arith.constant dense<1.000000e+00> : tensor<8x16xf32>
    %cst_11 = arith.constant dense<-100> : tensor<8x16xi64>
    %cst_12 = arith.constant dense<1.000000e+00> : tensor<128x1xf32>
    %cst_13 = arith.constant dense_resource<__elided__> : tensor<16x8xf32>
    %cst_14 = arith.constant dense_resource<__elided__> : tensor<16x8xf32>
    %0 = weft.read @model.model.embed_tokens.weight : tensor<64x32xf32>
    %1 = weft.read @model.model.layers.0.input_layernorm.weight : tensor<32xf32>
    %2 = weft.read @model.model.layers.0.self_attn.q_proj.weight : tensor<32x32xf32>
    %3 = weft.read @model.model.layers.0.self_attn.q_proj.bias : tensor<32xf32>
    %4 = weft.read @model.model.layers.0.self_attn.k_proj.weight : tensor<16x32xf32>
    %5 = weft.read @model.model.layers.0.self_attn.k_proj.bias : tensor<16xf32>
    %6 = weft.read @model.model.layers.0.self_attn.v_proj.weight : tensor<16x32xf32>
    %7 = weft.read @model.model.layers.0.self_attn.v_proj.bias : tensor<16xf32>
    %8 = weft.read @model.model.layers.0.self_attn.o_proj.weight : tensor<32x32xf32>
    %9 = weft.read @model.model.layers.0.post_attention_layernorm.weight : tensor<32xf32>
    %10 = weft.read @model.model.layers.0.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32>
    %11 = weft.read @model.model.layers.0.mlp.shared_expert.up_proj.weight : tensor<24x32xf32>
    %12 = weft.read @model.model.layers.0.mlp.shared_expert.down_proj.weight : tensor<32x24xf32>
    %13 = weft.read @model.model.layers.0.mlp.gate.weight : tensor<4x32xf32>
    %14 = weft.read @model.model.layers.0.mlp.experts.gate_up_proj : tensor<4x32x32xf32>
    %15 = weft.read @model.model.layers.0.mlp.experts.down_proj : tensor<4x32x16xf32>
    %16 = weft.read @model.model.layers.0.mlp.shared_expert_gate.weight : tensor<1x32xf32>
    %17 = weft.read @model.model.layers.1.input_layernorm.weight : tensor<32xf32>
    %18 = weft.read @model.model.layers.1.self_attn.q_proj.weight : tensor<32x32xf32>
    %19 = weft.read @model.model.layers.1.self_attn.q_proj.bias : tensor<32xf32>
    %20 = weft.read @model.model.layers.1.self_attn.k_proj.weight : tensor<16x32xf32>
    %21 = weft.read @model.model.layers.1.self_attn.k_proj.bias : tensor<16xf32>
    %22 = weft.read @model.model.layers.1.self_attn.v_proj.weight : tensor<16x32xf32>
    %23 = weft.read @model.model.layers.1.self_attn.v_proj.bias : tensor<16xf32>
    %24 = weft.read @model.model.layers.1.self_attn.o_proj.weight : tensor<32x32xf32>
    %25 = weft.read @model.model.layers.1.post_attention_layernorm.weight : tensor<32xf32>
    %26 = weft.read @model.model.layers.1.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32>
    %27 = weft.read @model.model.layers.1.mlp.shared_expert.up_proj.weight : tensor<24x32xf32>
    %28 = weft.read @model.model.layers.1.mlp.shared_expert.down_proj.weight : tensor<32x24xf32>
    %29 = weft.read @model.model.layers.1.mlp.gate.weight : tensor<4x32xf32>
    %30 = weft.read @model.model.layers.1.mlp.experts.gate_up_proj : tensor<4x32x32xf32>
    %31 = weft.read @model.model.layers.1.mlp.experts.down_proj : tensor<4x32x16xf32>
    %32 = weft.read @model.model.layers.1.mlp.shared_expert_gate.weight : tensor<1x32xf32>
    %33 = weft.read @model.model.norm.weight : tensor<32xf32>
    %34 = weft.read @model.lm_head.weight : tensor<64x32xf32>
    %35 = weft.gather %0[%arg0] axis 0 : tensor<64x32xf32>, tensor<8x16xi64> -> tensor<8x16x32xf32>
    %36 = weft.rms_norm %35 gamma %1 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %37 = weft.dot_general %36, %2 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %38 = weft.broadcast %3 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %39 = arith.addf %37, %38 : tensor<8x16x32xf32>
    %40 = weft.reshape %39 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %41 = weft.dot_general %36, %4 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %42 = weft.broadcast %5 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %43 = arith.addf %41, %42 : tensor<8x16x16xf32>
    %44 = weft.reshape %43 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %45 = weft.dot_general %36, %6 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %46 = weft.broadcast %7 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %47 = arith.addf %45, %46 : tensor<8x16x16xf32>
    %48 = weft.rotary %40 cos %cst_13 sin %cst_14 : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %49 = weft.rotary %44 cos %cst_13 sin %cst_14 : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %50 = weft.reshape %47 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %out, %lse = weft.attention %48, %49, %50 scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x4x16xf32>)
    %51 = weft.reshape %out : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %52 = weft.dot_general %51, %8 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %53 = arith.addf %35, %52 : tensor<8x16x32xf32>
    %54 = weft.rms_norm %53 gamma %9 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %55 = weft.reshape %54 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %56 = weft.dot_general %55, %10 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %57 = weft.silu %56 : tensor<128x24xf32> -> tensor<128x24xf32>
    %58 = weft.dot_general %55, %11 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %59 = arith.mulf %57, %58 : tensor<128x24xf32>
    %60 = weft.dot_general %59, %12 batch [] x [] contract [1] x [1] : tensor<128x24xf32>, tensor<32x24xf32> -> tensor<128x32xf32>
    %61 = weft.dot_general %55, %13 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<4x32xf32> -> tensor<128x4xf32>
    %62 = weft.softmax %61 : tensor<128x4xf32> -> tensor<128x4xf32>
    %values, %indices = weft.top_k %62 axis 1 : tensor<128x4xf32> -> tensor<128x2xf32>, tensor<128x2xi64>
    %63 = weft.reduce sum %values dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %64 = weft.broadcast %63 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %65 = arith.divf %values, %64 : tensor<128x2xf32>
    %66 = weft.broadcast %55 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %67 = weft.reshape %indices : tensor<128x2xi64> -> tensor<256xi64>
    %68 = weft.gather %14[%67] axis 0 : tensor<4x32x32xf32>, tensor<256xi64> -> tensor<256x32x32xf32>
    %69 = weft.reshape %66 : tensor<128x2x32xf32> -> tensor<256x32x1xf32>
    %70 = weft.dot_general %68, %69 batch [0] x [0] contract [2] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %71 = weft.reshape %70 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %72 = weft.slice %71 offsets [0, 0] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %73 = weft.slice %71 offsets [0, 16] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %74 = weft.silu %72 : tensor<256x16xf32> -> tensor<256x16xf32>
    %75 = arith.mulf %74, %73 : tensor<256x16xf32>
    %76 = weft.gather %15[%67] axis 0 : tensor<4x32x16xf32>, tensor<256xi64> -> tensor<256x32x16xf32>
    %77 = weft.reshape %75 : tensor<256x16xf32> -> tensor<256x16x1xf32>
    %78 = weft.dot_general %76, %77 batch [0] x [0] contract [2] x [1] : tensor<256x32x16xf32>, tensor<256x16x1xf32> -> tensor<256x32x1xf32>
    %79 = weft.reshape %78 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %80 = weft.reshape %65 : tensor<128x2xf32> -> tensor<256xf32>
    %81 = weft.broadcast %80 dims [0] : tensor<256xf32> -> tensor<256x32xf32>
    %82 = arith.mulf %79, %81 : tensor<256x32xf32>
    %83 = weft.reshape %82 : tensor<256x32xf32> -> tensor<128x2x32xf32>
    %84 = weft.reduce sum %83 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %85 = weft.dot_general %55, %16 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<1x32xf32> -> tensor<128x1xf32>
    %86 = arith.negf %85 : tensor<128x1xf32>
    %87 = math.exp %86 : tensor<128x1xf32>
    %88 = arith.addf %87, %cst_12 : tensor<128x1xf32>
    %89 = arith.divf %cst_12, %88 : tensor<128x1xf32>
    %90 = weft.reshape %89 : tensor<128x1xf32> -> tensor<128xf32>
    %91 = weft.broadcast %90 dims [0] : tensor<128xf32> -> tensor<128x32xf32>
    %92 = arith.mulf %91, %60 : tensor<128x32xf32>
    %93 = arith.addf %84, %92 : tensor<128x32xf32>
    %94 = weft.reshape %93 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %95 = arith.addf %53, %94 : tensor<8x16x32xf32>
    %96 = weft.rms_norm %95 gamma %17 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %97 = weft.dot_general %96, %18 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %98 = weft.broadcast %19 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %99 = arith.addf %97, %98 : tensor<8x16x32xf32>
    %100 = weft.reshape %99 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %101 = weft.dot_general %96, %20 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %102 = weft.broadcast %21 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %103 = arith.addf %101, %102 : tensor<8x16x16xf32>
    %104 = weft.reshape %103 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %105 = weft.dot_general %96, %22 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %106 = weft.broadcast %23 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %107 = arith.addf %105, %106 : tensor<8x16x16xf32>
    %108 = weft.rotary %100 cos %cst_13 sin %cst_14 : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %109 = weft.rotary %104 cos %cst_13 sin %cst_14 : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %110 = weft.reshape %107 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %out_15, %lse_16 = weft.attention %108, %109, %110 scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x4x16xf32>)
    %111 = weft.reshape %out_15 : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %112 = weft.dot_general %111, %24 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %113 = arith.addf %95, %112 : tensor<8x16x32xf32>
    %114 = weft.rms_norm %113 gamma %25 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %115 = weft.reshape %114 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %116 = weft.dot_general %115, %26 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %117 = weft.silu %116 : tensor<128x24xf32> -> tensor<128x24xf32>
    %118 = weft.dot_general %115, %27 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %119 = arith.mulf %117, %118 : tensor<128x24xf32>
    %120 = weft.dot_general %119, %28 batch [] x [] contract [1] x [1] : tensor<128x24xf32>, tensor<32x24xf32> -> tensor<128x32xf32>
    %121 = weft.dot_general %115, %29 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<4x32xf32> -> tensor<128x4xf32>
    %122 = weft.softmax %121 : tensor<128x4xf32> -> tensor<128x4xf32>
    %values_17, %indices_18 = weft.top_k %122 axis 1 : tensor<128x4xf32> -> tensor<128x2xf32>, tensor<128x2xi64>
    %123 = weft.reduce sum %values_17 dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %124 = weft.broadcast %123 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %125 = arith.divf %values_17, %124 : tensor<128x2xf32>
    %126 = weft.broadcast %115 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %127 = weft.reshape %indices_18 : tensor<128x2xi64> -> tensor<256xi64>
    %128 = weft.gather %30[%127] axis 0 : tensor<4x32x32xf32>, tensor<256xi64> -> tensor<256x32x32xf32>
    %129 = weft.reshape %126 : tensor<128x2x32xf32> -> tensor<256x32x1xf32>
    %130 = weft.dot_general %128, %129 batch [0] x [0] contract [2] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %131 = weft.reshape %130 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %132 = weft.slice %131 offsets [0, 0] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %133 = weft.slice %131 offsets [0, 16] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %134 = weft.silu %132 : tensor<256x16xf32> -> tensor<256x16xf32>
    %135 = arith.mulf %134, %133 : tensor<256x16xf32>
    %136 = weft.gather %31[%127] axis 0 : tensor<4x32x16xf32>, tensor<256xi64> -> tensor<256x32x16xf32>
    %137 = weft.reshape %135 : tensor<256x16xf32> -> tensor<256x16x1xf32>
    %138 = weft.dot_general %136, %137 batch [0] x [0] contract [2] x [1] : tensor<256x32x16xf32>, tensor<256x16x1xf32> -> tensor<256x32x1xf32>
    %139 = weft.reshape %138 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %140 = weft.reshape %125 : tensor<128x2xf32> -> tensor<256xf32>
    %141 = weft.broadcast %140 dims [0] : tensor<256xf32> -> tensor<256x32xf32>
    %142 = arith.mulf %139, %141 : tensor<256x32xf32>
    %143 = weft.reshape %142 : tensor<256x32xf32> -> tensor<128x2x32xf32>
    %144 = weft.reduce sum %143 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %145 = weft.dot_general %115, %32 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<1x32xf32> -> tensor<128x1xf32>
    %146 = arith.negf %145 : tensor<128x1xf32>
    %147 = math.exp %146 : tensor<128x1xf32>
    %148 = arith.addf %147, %cst_12 : tensor<128x1xf32>
    %149 = arith.divf %cst_12, %148 : tensor<128x1xf32>
    %150 = weft.reshape %149 : tensor<128x1xf32> -> tensor<128xf32>
    %151 = weft.broadcast %150 dims [0] : tensor<128xf32> -> tensor<128x32xf32>
    %152 = arith.mulf %151, %120 : tensor<128x32xf32>
    %153 = arith.addf %144, %152 : tensor<128x32xf32>
    %154 = weft.reshape %153 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %155 = arith.addf %113, %154 : tensor<8x16x32xf32>
    %156 = weft.rms_norm %155 gamma %33 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %157 = weft.dot_general %156, %34 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<64x32xf32> -> tensor<8x16x64xf32>
    %158 = weft.cross_entropy %157, %arg1 : tensor<8x16x64xf32>, tensor<8x16xi64> -> tensor<8x16xf32>
    %159 = arith.cmpi ne, %arg1, %cst_11 : tensor<8x16xi64>
    %160 = arith.extf %158 : tensor<8x16xf32> to tensor<8x16xf64>
    %161 = weft.reduce sum %160 dims [0, 1] : tensor<8x16xf64> -> tensor<f64>
    %162 = arith.uitofp %159 : tensor<8x16xi1> to tensor<8x16xf64>
    %163 = weft.reduce sum %162 dims [0, 1] : tensor<8x16xf64> -> tensor<f64>
    %164 = weft.reduce max %157 dims [2] : tensor<8x16x64xf32> -> tensor<8x16xf32>
    %165 = weft.broadcast %164 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x64xf32>
    %166 = arith.subf %157, %165 : tensor<8x16x64xf32>
    %167 = math.exp %166 : tensor<8x16x64xf32>
    %168 = weft.reduce sum %167 dims [2] : tensor<8x16x64xf32> -> tensor<8x16xf32>
    %169 = math.log %168 : tensor<8x16xf32>
    %170 = arith.addf %169, %164 : tensor<8x16xf32>
    %171 = weft.broadcast %170 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x64xf32>
    %172 = arith.subf %157, %171 : tensor<8x16x64xf32>
    %173 = math.exp %172 : tensor<8x16x64xf32>
    %174 = arith.trunci %arg1 : tensor<8x16xi64> to tensor<8x16xi32>
    %175 = weft.iota dim 2 : tensor<8x16x64xi32>
    %176 = weft.broadcast %174 dims [0, 1] : tensor<8x16xi32> -> tensor<8x16x64xi32>
    %177 = arith.cmpi eq, %175, %176 : tensor<8x16x64xi32>
    %178 = arith.subf %173, %cst_9 : tensor<8x16x64xf32>
    %179 = arith.select %177, %178, %173 : tensor<8x16x64xi1>, tensor<8x16x64xf32>
    %180 = arith.cmpi eq, %arg1, %cst_11 : tensor<8x16xi64>
    %181 = arith.select %180, %cst_8, %cst_10 : tensor<8x16xi1>, tensor<8x16xf32>
    %182 = weft.broadcast %181 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x64xf32>
    %183 = arith.mulf %179, %182 : tensor<8x16x64xf32>
    %184 = weft.dot_general %183, %34 batch [] x [] contract [2] x [0] : tensor<8x16x64xf32>, tensor<64x32xf32> -> tensor<8x16x32xf32>
    %185 = weft.dot_general %183, %156 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x64xf32>, tensor<8x16x32xf32> -> tensor<64x32xf32>
    %186 = arith.mulf %185, %185 : tensor<64x32xf32>
    %187 = weft.reduce sum %186 dims [1] : tensor<64x32xf32> -> tensor<64xf32>
    %188 = arith.extf %187 : tensor<64xf32> to tensor<64xf64>
    %189 = weft.reduce sum %188 dims [0] : tensor<64xf64> -> tensor<f64>
    %190 = arith.mulf %155, %155 : tensor<8x16x32xf32>
    %191 = weft.reduce sum %190 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %192 = arith.mulf %191, %cst_7 : tensor<8x16xf32>
    %193 = arith.addf %192, %cst_6 : tensor<8x16xf32>
    %194 = math.rsqrt %193 : tensor<8x16xf32>
    %195 = weft.broadcast %194 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %196 = arith.mulf %155, %195 : tensor<8x16x32xf32>
    %197 = weft.broadcast %33 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %198 = arith.mulf %184, %197 : tensor<8x16x32xf32>
    %199 = arith.mulf %198, %196 : tensor<8x16x32xf32>
    %200 = weft.reduce sum %199 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %201 = arith.mulf %200, %cst_7 : tensor<8x16xf32>
    %202 = weft.broadcast %201 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %203 = arith.mulf %196, %202 : tensor<8x16x32xf32>
    %204 = arith.subf %198, %203 : tensor<8x16x32xf32>
    %205 = arith.mulf %195, %204 : tensor<8x16x32xf32>
    %206 = arith.mulf %184, %196 : tensor<8x16x32xf32>
    %207 = weft.reduce sum %206 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %208 = arith.mulf %207, %207 : tensor<32xf32>
    %209 = weft.reduce sum %208 dims [0] : tensor<32xf32> -> tensor<f32>
    %210 = arith.extf %209 : tensor<f32> to tensor<f64>
    %211 = weft.reshape %205 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %212 = arith.mulf %211, %120 : tensor<128x32xf32>
    %213 = arith.mulf %211, %151 : tensor<128x32xf32>
    %214 = weft.reduce sum %212 dims [1] : tensor<128x32xf32> -> tensor<128xf32>
    %215 = weft.reshape %214 : tensor<128xf32> -> tensor<128x1xf32>
    %216 = arith.divf %215, %148 : tensor<128x1xf32>
    %217 = arith.mulf %216, %149 : tensor<128x1xf32>
    %218 = arith.negf %217 : tensor<128x1xf32>
    %219 = arith.mulf %218, %147 : tensor<128x1xf32>
    %220 = arith.negf %219 : tensor<128x1xf32>
    %221 = weft.dot_general %220, %32 batch [] x [] contract [1] x [0] : tensor<128x1xf32>, tensor<1x32xf32> -> tensor<128x32xf32>
    %222 = weft.dot_general %220, %115 batch [] x [] contract [0] x [0] : tensor<128x1xf32>, tensor<128x32xf32> -> tensor<1x32xf32>
    %223 = arith.mulf %222, %222 : tensor<1x32xf32>
    %224 = weft.reduce sum %223 dims [1] : tensor<1x32xf32> -> tensor<1xf32>
    %225 = arith.extf %224 : tensor<1xf32> to tensor<1xf64>
    %226 = weft.reshape %225 : tensor<1xf64> -> tensor<f64>
    %227 = weft.broadcast %211 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %228 = weft.reshape %227 : tensor<128x2x32xf32> -> tensor<256x32xf32>
    %229 = arith.mulf %228, %141 : tensor<256x32xf32>
    %230 = arith.mulf %228, %139 : tensor<256x32xf32>
    %231 = weft.reduce sum %230 dims [1] : tensor<256x32xf32> -> tensor<256xf32>
    %232 = weft.reshape %231 : tensor<256xf32> -> tensor<128x2xf32>
    %233 = weft.reshape %229 : tensor<256x32xf32> -> tensor<256x32x1xf32>
    %234 = weft.dot_general %233, %137 batch [0] x [0] contract [2] x [2] : tensor<256x32x1xf32>, tensor<256x16x1xf32> -> tensor<256x32x16xf32>
    %235 = weft.dot_general %136, %233 batch [0] x [0] contract [1] x [1] : tensor<256x32x16xf32>, tensor<256x32x1xf32> -> tensor<256x16x1xf32>
    %236 = weft.reshape %235 : tensor<256x16x1xf32> -> tensor<256x16xf32>
    %237 = weft.scatter_add %234[%127] axis 0 : tensor<256x32x16xf32>, tensor<256xi64> -> tensor<4x32x16xf32>
    %238 = arith.mulf %237, %237 : tensor<4x32x16xf32>
    %239 = weft.reduce sum %238 dims [2] : tensor<4x32x16xf32> -> tensor<4x32xf32>
    %240 = arith.extf %239 : tensor<4x32xf32> to tensor<4x32xf64>
    %241 = weft.reduce sum %240 dims [0, 1] : tensor<4x32xf64> -> tensor<f64>
    %242 = arith.mulf %236, %133 : tensor<256x16xf32>
    %243 = arith.mulf %236, %134 : tensor<256x16xf32>
    %244 = arith.negf %132 : tensor<256x16xf32>
    %245 = math.exp %244 : tensor<256x16xf32>
    %246 = arith.addf %245, %cst_5 : tensor<256x16xf32>
    %247 = arith.divf %cst_5, %246 : tensor<256x16xf32>
    %248 = arith.subf %cst_5, %247 : tensor<256x16xf32>
    %249 = arith.mulf %132, %248 : tensor<256x16xf32>
    %250 = arith.addf %249, %cst_5 : tensor<256x16xf32>
    %251 = arith.mulf %247, %250 : tensor<256x16xf32>
    %252 = arith.mulf %242, %251 : tensor<256x16xf32>
    %253 = weft.concat %252, %243 dim 1 : tensor<256x16xf32>, tensor<256x16xf32> -> tensor<256x32xf32>
    %254 = weft.reshape %253 : tensor<256x32xf32> -> tensor<256x32x1xf32>
    %255 = weft.dot_general %254, %129 batch [0] x [0] contract [2] x [2] : tensor<256x32x1xf32>, tensor<256x32x1xf32> -> tensor<256x32x32xf32>
    %256 = weft.dot_general %128, %254 batch [0] x [0] contract [1] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %257 = weft.reshape %256 : tensor<256x32x1xf32> -> tensor<128x2x32xf32>
    %258 = weft.scatter_add %255[%127] axis 0 : tensor<256x32x32xf32>, tensor<256xi64> -> tensor<4x32x32xf32>
    %259 = arith.mulf %258, %258 : tensor<4x32x32xf32>
    %260 = weft.reduce sum %259 dims [2] : tensor<4x32x32xf32> -> tensor<4x32xf32>
    %261 = arith.extf %260 : tensor<4x32xf32> to tensor<4x32xf64>
    %262 = weft.reduce sum %261 dims [0, 1] : tensor<4x32xf64> -> tensor<f64>
    %263 = weft.reduce sum %257 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %264 = arith.divf %232, %124 : tensor<128x2xf32>
    %265 = arith.mulf %264, %125 : tensor<128x2xf32>
    %266 = arith.negf %265 : tensor<128x2xf32>
    %267 = weft.reduce sum %266 dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %268 = weft.broadcast %267 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %269 = arith.addf %264, %268 : tensor<128x2xf32>
    %270 = weft.broadcast %indices_18 dims [0, 1] : tensor<128x2xi64> -> tensor<128x2x4xi64>
    %271 = weft.iota dim 2 : tensor<128x2x4xi64>
    %272 = arith.cmpi eq, %270, %271 : tensor<128x2x4xi64>
    %273 = weft.broadcast %269 dims [0, 1] : tensor<128x2xf32> -> tensor<128x2x4xf32>
    %274 = arith.select %272, %273, %cst_4 : tensor<128x2x4xi1>, tensor<128x2x4xf32>
    %275 = weft.reduce sum %274 dims [1] : tensor<128x2x4xf32> -> tensor<128x4xf32>
    %276 = arith.mulf %275, %122 : tensor<128x4xf32>
    %277 = weft.reduce sum %276 dims [1] : tensor<128x4xf32> -> tensor<128xf32>
    %278 = weft.broadcast %277 dims [0] : tensor<128xf32> -> tensor<128x4xf32>
    %279 = arith.subf %275, %278 : tensor<128x4xf32>
    %280 = arith.mulf %122, %279 : tensor<128x4xf32>
    %281 = weft.dot_general %280, %29 batch [] x [] contract [1] x [0] : tensor<128x4xf32>, tensor<4x32xf32> -> tensor<128x32xf32>
    %282 = weft.dot_general %280, %115 batch [] x [] contract [0] x [0] : tensor<128x4xf32>, tensor<128x32xf32> -> tensor<4x32xf32>
    %283 = arith.mulf %282, %282 : tensor<4x32xf32>
    %284 = weft.reduce sum %283 dims [1] : tensor<4x32xf32> -> tensor<4xf32>
    %285 = arith.extf %284 : tensor<4xf32> to tensor<4xf64>
    %286 = weft.reduce sum %285 dims [0] : tensor<4xf64> -> tensor<f64>
    %287 = arith.addf %221, %281 : tensor<128x32xf32>
    %288 = weft.dot_general %213, %28 batch [] x [] contract [1] x [0] : tensor<128x32xf32>, tensor<32x24xf32> -> tensor<128x24xf32>
    %289 = weft.dot_general %213, %119 batch [] x [] contract [0] x [0] : tensor<128x32xf32>, tensor<128x24xf32> -> tensor<32x24xf32>
    %290 = arith.mulf %289, %289 : tensor<32x24xf32>
    %291 = weft.reduce sum %290 dims [1] : tensor<32x24xf32> -> tensor<32xf32>
    %292 = arith.extf %291 : tensor<32xf32> to tensor<32xf64>
    %293 = weft.reduce sum %292 dims [0] : tensor<32xf64> -> tensor<f64>
    %294 = arith.mulf %288, %118 : tensor<128x24xf32>
    %295 = arith.mulf %288, %117 : tensor<128x24xf32>
    %296 = weft.dot_general %295, %27 batch [] x [] contract [1] x [0] : tensor<128x24xf32>, tensor<24x32xf32> -> tensor<128x32xf32>
    %297 = weft.dot_general %295, %115 batch [] x [] contract [0] x [0] : tensor<128x24xf32>, tensor<128x32xf32> -> tensor<24x32xf32>
    %298 = arith.mulf %297, %297 : tensor<24x32xf32>
    %299 = weft.reduce sum %298 dims [1] : tensor<24x32xf32> -> tensor<24xf32>
    %300 = arith.extf %299 : tensor<24xf32> to tensor<24xf64>
    %301 = weft.reduce sum %300 dims [0] : tensor<24xf64> -> tensor<f64>
    %302 = arith.addf %287, %296 : tensor<128x32xf32>
    %303 = arith.negf %116 : tensor<128x24xf32>
    %304 = math.exp %303 : tensor<128x24xf32>
    %305 = arith.addf %304, %cst_3 : tensor<128x24xf32>
    %306 = arith.divf %cst_3, %305 : tensor<128x24xf32>
    %307 = arith.subf %cst_3, %306 : tensor<128x24xf32>
    %308 = arith.mulf %116, %307 : tensor<128x24xf32>
    %309 = arith.addf %308, %cst_3 : tensor<128x24xf32>
    %310 = arith.mulf %306, %309 : tensor<128x24xf32>
    %311 = arith.mulf %294, %310 : tensor<128x24xf32>
    %312 = weft.dot_general %311, %26 batch [] x [] contract [1] x [0] : tensor<128x24xf32>, tensor<24x32xf32> -> tensor<128x32xf32>
    %313 = weft.dot_general %311, %115 batch [] x [] contract [0] x [0] : tensor<128x24xf32>, tensor<128x32xf32> -> tensor<24x32xf32>
    %314 = arith.mulf %313, %313 : tensor<24x32xf32>
    %315 = weft.reduce sum %314 dims [1] : tensor<24x32xf32> -> tensor<24xf32>
    %316 = arith.extf %315 : tensor<24xf32> to tensor<24xf64>
    %317 = weft.reduce sum %316 dims [0] : tensor<24xf64> -> tensor<f64>
    %318 = arith.addf %302, %312 : tensor<128x32xf32>
    %319 = arith.addf %318, %263 : tensor<128x32xf32>
    %320 = weft.reshape %319 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %321 = arith.mulf %113, %113 : tensor<8x16x32xf32>
    %322 = weft.reduce sum %321 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %323 = arith.mulf %322, %cst_7 : tensor<8x16xf32>
    %324 = arith.addf %323, %cst_6 : tensor<8x16xf32>
    %325 = math.rsqrt %324 : tensor<8x16xf32>
    %326 = weft.broadcast %325 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %327 = arith.mulf %113, %326 : tensor<8x16x32xf32>
    %328 = weft.broadcast %25 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %329 = arith.mulf %320, %328 : tensor<8x16x32xf32>
    %330 = arith.mulf %329, %327 : tensor<8x16x32xf32>
    %331 = weft.reduce sum %330 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %332 = arith.mulf %331, %cst_7 : tensor<8x16xf32>
    %333 = weft.broadcast %332 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %334 = arith.mulf %327, %333 : tensor<8x16x32xf32>
    %335 = arith.subf %329, %334 : tensor<8x16x32xf32>
    %336 = arith.mulf %326, %335 : tensor<8x16x32xf32>
    %337 = arith.mulf %320, %327 : tensor<8x16x32xf32>
    %338 = weft.reduce sum %337 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %339 = arith.mulf %338, %338 : tensor<32xf32>
    %340 = weft.reduce sum %339 dims [0] : tensor<32xf32> -> tensor<f32>
    %341 = arith.extf %340 : tensor<f32> to tensor<f64>
    %342 = arith.addf %205, %336 : tensor<8x16x32xf32>
    %343 = weft.dot_general %342, %24 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %344 = weft.dot_general %342, %111 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x32xf32>, tensor<8x16x32xf32> -> tensor<32x32xf32>
    %345 = arith.mulf %344, %344 : tensor<32x32xf32>
    %346 = weft.reduce sum %345 dims [1] : tensor<32x32xf32> -> tensor<32xf32>
    %347 = arith.extf %346 : tensor<32xf32> to tensor<32xf64>
    %348 = weft.reduce sum %347 dims [0] : tensor<32xf64> -> tensor<f64>
    %349 = weft.reshape %343 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %dq, %dk, %dv = weft.attention_grad %349, %108, %109, %110, %out_15, %lse_16 scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x4x8xf32>, tensor<8x4x16xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>)
    %350 = weft.reshape %dv : tensor<8x16x2x8xf32> -> tensor<8x16x16xf32>
    %351 = weft.rotary %dk cos %cst_13 sin %cst_14 transposed : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %352 = weft.rotary %dq cos %cst_13 sin %cst_14 transposed : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %353 = weft.reduce sum %350 dims [0, 1] : tensor<8x16x16xf32> -> tensor<16xf32>
    %354 = arith.mulf %353, %353 : tensor<16xf32>
    %355 = weft.reduce sum %354 dims [0] : tensor<16xf32> -> tensor<f32>
    %356 = arith.extf %355 : tensor<f32> to tensor<f64>
    %357 = weft.dot_general %350, %22 batch [] x [] contract [2] x [0] : tensor<8x16x16xf32>, tensor<16x32xf32> -> tensor<8x16x32xf32>
    %358 = weft.dot_general %350, %96 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x16xf32>, tensor<8x16x32xf32> -> tensor<16x32xf32>
    %359 = arith.mulf %358, %358 : tensor<16x32xf32>
    %360 = weft.reduce sum %359 dims [1] : tensor<16x32xf32> -> tensor<16xf32>
    %361 = arith.extf %360 : tensor<16xf32> to tensor<16xf64>
    %362 = weft.reduce sum %361 dims [0] : tensor<16xf64> -> tensor<f64>
    %363 = weft.reshape %351 : tensor<8x16x2x8xf32> -> tensor<8x16x16xf32>
    %364 = weft.reduce sum %363 dims [0, 1] : tensor<8x16x16xf32> -> tensor<16xf32>
    %365 = arith.mulf %364, %364 : tensor<16xf32>
    %366 = weft.reduce sum %365 dims [0] : tensor<16xf32> -> tensor<f32>
    %367 = arith.extf %366 : tensor<f32> to tensor<f64>
    %368 = weft.dot_general %363, %20 batch [] x [] contract [2] x [0] : tensor<8x16x16xf32>, tensor<16x32xf32> -> tensor<8x16x32xf32>
    %369 = weft.dot_general %363, %96 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x16xf32>, tensor<8x16x32xf32> -> tensor<16x32xf32>
    %370 = arith.mulf %369, %369 : tensor<16x32xf32>
    %371 = weft.reduce sum %370 dims [1] : tensor<16x32xf32> -> tensor<16xf32>
    %372 = arith.extf %371 : tensor<16xf32> to tensor<16xf64>
    %373 = weft.reduce sum %372 dims [0] : tensor<16xf64> -> tensor<f64>
    %374 = arith.addf %357, %368 : tensor<8x16x32xf32>
    %375 = weft.reshape %352 : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %376 = weft.reduce sum %375 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %377 = arith.mulf %376, %376 : tensor<32xf32>
    %378 = weft.reduce sum %377 dims [0] : tensor<32xf32> -> tensor<f32>
    %379 = arith.extf %378 : tensor<f32> to tensor<f64>
    %380 = weft.dot_general %375, %18 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %381 = weft.dot_general %375, %96 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x32xf32>, tensor<8x16x32xf32> -> tensor<32x32xf32>
    %382 = arith.mulf %381, %381 : tensor<32x32xf32>
    %383 = weft.reduce sum %382 dims [1] : tensor<32x32xf32> -> tensor<32xf32>
    %384 = arith.extf %383 : tensor<32xf32> to tensor<32xf64>
    %385 = weft.reduce sum %384 dims [0] : tensor<32xf64> -> tensor<f64>
    %386 = arith.addf %374, %380 : tensor<8x16x32xf32>
    %387 = arith.mulf %95, %95 : tensor<8x16x32xf32>
    %388 = weft.reduce sum %387 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %389 = arith.mulf %388, %cst_7 : tensor<8x16xf32>
    %390 = arith.addf %389, %cst_6 : tensor<8x16xf32>
    %391 = math.rsqrt %390 : tensor<8x16xf32>
    %392 = weft.broadcast %391 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %393 = arith.mulf %95, %392 : tensor<8x16x32xf32>
    %394 = weft.broadcast %17 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %395 = arith.mulf %386, %394 : tensor<8x16x32xf32>
    %396 = arith.mulf %395, %393 : tensor<8x16x32xf32>
    %397 = weft.reduce sum %396 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %398 = arith.mulf %397, %cst_7 : tensor<8x16xf32>
    %399 = weft.broadcast %398 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %400 = arith.mulf %393, %399 : tensor<8x16x32xf32>
    %401 = arith.subf %395, %400 : tensor<8x16x32xf32>
    %402 = arith.mulf %392, %401 : tensor<8x16x32xf32>
    %403 = arith.mulf %386, %393 : tensor<8x16x32xf32>
    %404 = weft.reduce sum %403 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %405 = arith.mulf %404, %404 : tensor<32xf32>
    %406 = weft.reduce sum %405 dims [0] : tensor<32xf32> -> tensor<f32>
    %407 = arith.extf %406 : tensor<f32> to tensor<f64>
    %408 = arith.addf %342, %402 : tensor<8x16x32xf32>
    %409 = weft.reshape %408 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %410 = arith.mulf %409, %60 : tensor<128x32xf32>
    %411 = arith.mulf %409, %91 : tensor<128x32xf32>
    %412 = weft.reduce sum %410 dims [1] : tensor<128x32xf32> -> tensor<128xf32>
    %413 = weft.reshape %412 : tensor<128xf32> -> tensor<128x1xf32>
    %414 = arith.divf %413, %88 : tensor<128x1xf32>
    %415 = arith.mulf %414, %89 : tensor<128x1xf32>
    %416 = arith.negf %415 : tensor<128x1xf32>
    %417 = arith.mulf %416, %87 : tensor<128x1xf32>
    %418 = arith.negf %417 : tensor<128x1xf32>
    %419 = weft.dot_general %418, %16 batch [] x [] contract [1] x [0] : tensor<128x1xf32>, tensor<1x32xf32> -> tensor<128x32xf32>
    %420 = weft.dot_general %418, %55 batch [] x [] contract [0] x [0] : tensor<128x1xf32>, tensor<128x32xf32> -> tensor<1x32xf32>
    %421 = arith.mulf %420, %420 : tensor<1x32xf32>
    %422 = weft.reduce sum %421 dims [1] : tensor<1x32xf32> -> tensor<1xf32>
    %423 = arith.extf %422 : tensor<1xf32> to tensor<1xf64>
    %424 = weft.reshape %423 : tensor<1xf64> -> tensor<f64>
    %425 = weft.broadcast %409 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %426 = weft.reshape %425 : tensor<128x2x32xf32> -> tensor<256x32xf32>
    %427 = arith.mulf %426, %81 : tensor<256x32xf32>
    %428 = arith.mulf %426, %79 : tensor<256x32xf32>
    %429 = weft.reduce sum %428 dims [1] : tensor<256x32xf32> -> tensor<256xf32>
    %430 = weft.reshape %429 : tensor<256xf32> -> tensor<128x2xf32>
    %431 = weft.reshape %427 : tensor<256x32xf32> -> tensor<256x32x1xf32>
    %432 = weft.dot_general %431, %77 batch [0] x [0] contract [2] x [2] : tensor<256x32x1xf32>, tensor<256x16x1xf32> -> tensor<256x32x16xf32>
    %433 = weft.dot_general %76, %431 batch [0] x [0] contract [1] x [1] : tensor<256x32x16xf32>, tensor<256x32x1xf32> -> tensor<256x16x1xf32>
    %434 = weft.reshape %433 : tensor<256x16x1xf32> -> tensor<256x16xf32>
    %435 = weft.scatter_add %432[%67] axis 0 : tensor<256x32x16xf32>, tensor<256xi64> -> tensor<4x32x16xf32>
    %436 = arith.mulf %435, %435 : tensor<4x32x16xf32>
    %437 = weft.reduce sum %436 dims [2] : tensor<4x32x16xf32> -> tensor<4x32xf32>
    %438 = arith.extf %437 : tensor<4x32xf32> to tensor<4x32xf64>
    %439 = weft.reduce sum %438 dims [0, 1] : tensor<4x32xf64> -> tensor<f64>
    %440 = arith.mulf %434, %73 : tensor<256x16xf32>
    %441 = arith.mulf %434, %74 : tensor<256x16xf32>
    %442 = arith.negf %72 : tensor<256x16xf32>
    %443 = math.exp %442 : tensor<256x16xf32>
    %444 = arith.addf %443, %cst_5 : tensor<256x16xf32>
    %445 = arith.divf %cst_5, %444 : tensor<256x16xf32>
    %446 = arith.subf %cst_5, %445 : tensor<256x16xf32>
    %447 = arith.mulf %72, %446 : tensor<256x16xf32>
    %448 = arith.addf %447, %cst_5 : tensor<256x16xf32>
    %449 = arith.mulf %445, %448 : tensor<256x16xf32>
    %450 = arith.mulf %440, %449 : tensor<256x16xf32>
    %451 = weft.concat %450, %441 dim 1 : tensor<256x16xf32>, tensor<256x16xf32> -> tensor<256x32xf32>
    %452 = weft.reshape %451 : tensor<256x32xf32> -> tensor<256x32x1xf32>
    %453 = weft.dot_general %452, %69 batch [0] x [0] contract [2] x [2] : tensor<256x32x1xf32>, tensor<256x32x1xf32> -> tensor<256x32x32xf32>
    %454 = weft.dot_general %68, %452 batch [0] x [0] contract [1] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %455 = weft.reshape %454 : tensor<256x32x1xf32> -> tensor<128x2x32xf32>
    %456 = weft.scatter_add %453[%67] axis 0 : tensor<256x32x32xf32>, tensor<256xi64> -> tensor<4x32x32xf32>
    %457 = arith.mulf %456, %456 : tensor<4x32x32xf32>
    %458 = weft.reduce sum %457 dims [2] : tensor<4x32x32xf32> -> tensor<4x32xf32>
    %459 = arith.extf %458 : tensor<4x32xf32> to tensor<4x32xf64>
    %460 = weft.reduce sum %459 dims [0, 1] : tensor<4x32xf64> -> tensor<f64>
    %461 = weft.reduce sum %455 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %462 = arith.divf %430, %64 : tensor<128x2xf32>
    %463 = arith.mulf %462, %65 : tensor<128x2xf32>
    %464 = arith.negf %463 : tensor<128x2xf32>
    %465 = weft.reduce sum %464 dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %466 = weft.broadcast %465 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %467 = arith.addf %462, %466 : tensor<128x2xf32>
    %468 = weft.broadcast %indices dims [0, 1] : tensor<128x2xi64> -> tensor<128x2x4xi64>
    %469 = arith.cmpi eq, %468, %271 : tensor<128x2x4xi64>
    %470 = weft.broadcast %467 dims [0, 1] : tensor<128x2xf32> -> tensor<128x2x4xf32>
    %471 = arith.select %469, %470, %cst_4 : tensor<128x2x4xi1>, tensor<128x2x4xf32>
    %472 = weft.reduce sum %471 dims [1] : tensor<128x2x4xf32> -> tensor<128x4xf32>
    %473 = arith.mulf %472, %62 : tensor<128x4xf32>
    %474 = weft.reduce sum %473 dims [1] : tensor<128x4xf32> -> tensor<128xf32>
    %475 = weft.broadcast %474 dims [0] : tensor<128xf32> -> tensor<128x4xf32>
    %476 = arith.subf %472, %475 : tensor<128x4xf32>
    %477 = arith.mulf %62, %476 : tensor<128x4xf32>
    %478 = weft.dot_general %477, %13 batch [] x [] contract [1] x [0] : tensor<128x4xf32>, tensor<4x32xf32> -> tensor<128x32xf32>
    %479 = weft.dot_general %477, %55 batch [] x [] contract [0] x [0] : tensor<128x4xf32>, tensor<128x32xf32> -> tensor<4x32xf32>
    %480 = arith.mulf %479, %479 : tensor<4x32xf32>
    %481 = weft.reduce sum %480 dims [1] : tensor<4x32xf32> -> tensor<4xf32>
    %482 = arith.extf %481 : tensor<4xf32> to tensor<4xf64>
    %483 = weft.reduce sum %482 dims [0] : tensor<4xf64> -> tensor<f64>
    %484 = arith.addf %419, %478 : tensor<128x32xf32>
    %485 = weft.dot_general %411, %12 batch [] x [] contract [1] x [0] : tensor<128x32xf32>, tensor<32x24xf32> -> tensor<128x24xf32>
    %486 = weft.dot_general %411, %59 batch [] x [] contract [0] x [0] : tensor<128x32xf32>, tensor<128x24xf32> -> tensor<32x24xf32>
    %487 = arith.mulf %486, %486 : tensor<32x24xf32>
    %488 = weft.reduce sum %487 dims [1] : tensor<32x24xf32> -> tensor<32xf32>
    %489 = arith.extf %488 : tensor<32xf32> to tensor<32xf64>
    %490 = weft.reduce sum %489 dims [0] : tensor<32xf64> -> tensor<f64>
    %491 = arith.mulf %485, %58 : tensor<128x24xf32>
    %492 = arith.mulf %485, %57 : tensor<128x24xf32>
    %493 = weft.dot_general %492, %11 batch [] x [] contract [1] x [0] : tensor<128x24xf32>, tensor<24x32xf32> -> tensor<128x32xf32>
    %494 = weft.dot_general %492, %55 batch [] x [] contract [0] x [0] : tensor<128x24xf32>, tensor<128x32xf32> -> tensor<24x32xf32>
    %495 = arith.mulf %494, %494 : tensor<24x32xf32>
    %496 = weft.reduce sum %495 dims [1] : tensor<24x32xf32> -> tensor<24xf32>
    %497 = arith.extf %496 : tensor<24xf32> to tensor<24xf64>
    %498 = weft.reduce sum %497 dims [0] : tensor<24xf64> -> tensor<f64>
    %499 = arith.addf %484, %493 : tensor<128x32xf32>
    %500 = arith.negf %56 : tensor<128x24xf32>
    %501 = math.exp %500 : tensor<128x24xf32>
    %502 = arith.addf %501, %cst_3 : tensor<128x24xf32>
    %503 = arith.divf %cst_3, %502 : tensor<128x24xf32>
    %504 = arith.subf %cst_3, %503 : tensor<128x24xf32>
    %505 = arith.mulf %56, %504 : tensor<128x24xf32>
    %506 = arith.addf %505, %cst_3 : tensor<128x24xf32>
    %507 = arith.mulf %503, %506 : tensor<128x24xf32>
    %508 = arith.mulf %491, %507 : tensor<128x24xf32>
    %509 = weft.dot_general %508, %10 batch [] x [] contract [1] x [0] : tensor<128x24xf32>, tensor<24x32xf32> -> tensor<128x32xf32>
    %510 = weft.dot_general %508, %55 batch [] x [] contract [0] x [0] : tensor<128x24xf32>, tensor<128x32xf32> -> tensor<24x32xf32>
    %511 = arith.mulf %510, %510 : tensor<24x32xf32>
    %512 = weft.reduce sum %511 dims [1] : tensor<24x32xf32> -> tensor<24xf32>
    %513 = arith.extf %512 : tensor<24xf32> to tensor<24xf64>
    %514 = weft.reduce sum %513 dims [0] : tensor<24xf64> -> tensor<f64>
    %515 = arith.addf %499, %509 : tensor<128x32xf32>
    %516 = arith.addf %515, %461 : tensor<128x32xf32>
    %517 = weft.reshape %516 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %518 = arith.mulf %53, %53 : tensor<8x16x32xf32>
    %519 = weft.reduce sum %518 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %520 = arith.mulf %519, %cst_7 : tensor<8x16xf32>
    %521 = arith.addf %520, %cst_6 : tensor<8x16xf32>
    %522 = math.rsqrt %521 : tensor<8x16xf32>
    %523 = weft.broadcast %522 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %524 = arith.mulf %53, %523 : tensor<8x16x32xf32>
    %525 = weft.broadcast %9 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %526 = arith.mulf %517, %525 : tensor<8x16x32xf32>
    %527 = arith.mulf %526, %524 : tensor<8x16x32xf32>
    %528 = weft.reduce sum %527 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %529 = arith.mulf %528, %cst_7 : tensor<8x16xf32>
    %530 = weft.broadcast %529 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %531 = arith.mulf %524, %530 : tensor<8x16x32xf32>
    %532 = arith.subf %526, %531 : tensor<8x16x32xf32>
    %533 = arith.mulf %523, %532 : tensor<8x16x32xf32>
    %534 = arith.mulf %517, %524 : tensor<8x16x32xf32>
    %535 = weft.reduce sum %534 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %536 = arith.mulf %535, %535 : tensor<32xf32>
    %537 = weft.reduce sum %536 dims [0] : tensor<32xf32> -> tensor<f32>
    %538 = arith.extf %537 : tensor<f32> to tensor<f64>
    %539 = arith.addf %408, %533 : tensor<8x16x32xf32>
    %540 = weft.dot_general %539, %8 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %541 = weft.dot_general %539, %51 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x32xf32>, tensor<8x16x32xf32> -> tensor<32x32xf32>
    %542 = arith.mulf %541, %541 : tensor<32x32xf32>
    %543 = weft.reduce sum %542 dims [1] : tensor<32x32xf32> -> tensor<32xf32>
    %544 = arith.extf %543 : tensor<32xf32> to tensor<32xf64>
    %545 = weft.reduce sum %544 dims [0] : tensor<32xf64> -> tensor<f64>
    %546 = weft.reshape %540 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %dq_19, %dk_20, %dv_21 = weft.attention_grad %546, %48, %49, %50, %out, %lse scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x4x8xf32>, tensor<8x4x16xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>)
    %547 = weft.reshape %dv_21 : tensor<8x16x2x8xf32> -> tensor<8x16x16xf32>
    %548 = weft.rotary %dk_20 cos %cst_13 sin %cst_14 transposed : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %549 = weft.rotary %dq_19 cos %cst_13 sin %cst_14 transposed : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %550 = weft.reduce sum %547 dims [0, 1] : tensor<8x16x16xf32> -> tensor<16xf32>
    %551 = arith.mulf %550, %550 : tensor<16xf32>
    %552 = weft.reduce sum %551 dims [0] : tensor<16xf32> -> tensor<f32>
    %553 = arith.extf %552 : tensor<f32> to tensor<f64>
    %554 = weft.dot_general %547, %6 batch [] x [] contract [2] x [0] : tensor<8x16x16xf32>, tensor<16x32xf32> -> tensor<8x16x32xf32>
    %555 = weft.dot_general %547, %36 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x16xf32>, tensor<8x16x32xf32> -> tensor<16x32xf32>
    %556 = arith.mulf %555, %555 : tensor<16x32xf32>
    %557 = weft.reduce sum %556 dims [1] : tensor<16x32xf32> -> tensor<16xf32>
    %558 = arith.extf %557 : tensor<16xf32> to tensor<16xf64>
    %559 = weft.reduce sum %558 dims [0] : tensor<16xf64> -> tensor<f64>
    %560 = weft.reshape %548 : tensor<8x16x2x8xf32> -> tensor<8x16x16xf32>
    %561 = weft.reduce sum %560 dims [0, 1] : tensor<8x16x16xf32> -> tensor<16xf32>
    %562 = arith.mulf %561, %561 : tensor<16xf32>
    %563 = weft.reduce sum %562 dims [0] : tensor<16xf32> -> tensor<f32>
    %564 = arith.extf %563 : tensor<f32> to tensor<f64>
    %565 = weft.dot_general %560, %4 batch [] x [] contract [2] x [0] : tensor<8x16x16xf32>, tensor<16x32xf32> -> tensor<8x16x32xf32>
    %566 = weft.dot_general %560, %36 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x16xf32>, tensor<8x16x32xf32> -> tensor<16x32xf32>
    %567 = arith.mulf %566, %566 : tensor<16x32xf32>
    %568 = weft.reduce sum %567 dims [1] : tensor<16x32xf32> -> tensor<16xf32>
    %569 = arith.extf %568 : tensor<16xf32> to tensor<16xf64>
    %570 = weft.reduce sum %569 dims [0] : tensor<16xf64> -> tensor<f64>
    %571 = arith.addf %554, %565 : tensor<8x16x32xf32>
    %572 = weft.reshape %549 : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %573 = weft.reduce sum %572 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %574 = arith.mulf %573, %573 : tensor<32xf32>
    %575 = weft.reduce sum %574 dims [0] : tensor<32xf32> -> tensor<f32>
    %576 = arith.extf %575 : tensor<f32> to tensor<f64>
    %577 = weft.dot_general %572, %2 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %578 = weft.dot_general %572, %36 batch [] x [] contract [0, 1] x [0, 1] : tensor<8x16x32xf32>, tensor<8x16x32xf32> -> tensor<32x32xf32>
    %579 = arith.mulf %578, %578 : tensor<32x32xf32>
    %580 = weft.reduce sum %579 dims [1] : tensor<32x32xf32> -> tensor<32xf32>
    %581 = arith.extf %580 : tensor<32xf32> to tensor<32xf64>
    %582 = weft.reduce sum %581 dims [0] : tensor<32xf64> -> tensor<f64>
    %583 = arith.addf %571, %577 : tensor<8x16x32xf32>
    %584 = arith.mulf %35, %35 : tensor<8x16x32xf32>
    %585 = weft.reduce sum %584 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %586 = arith.mulf %585, %cst_7 : tensor<8x16xf32>
    %587 = arith.addf %586, %cst_6 : tensor<8x16xf32>
    %588 = math.rsqrt %587 : tensor<8x16xf32>
    %589 = weft.broadcast %588 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %590 = arith.mulf %35, %589 : tensor<8x16x32xf32>
    %591 = weft.broadcast %1 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %592 = arith.mulf %583, %591 : tensor<8x16x32xf32>
    %593 = arith.mulf %592, %590 : tensor<8x16x32xf32>
    %594 = weft.reduce sum %593 dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
    %595 = arith.mulf %594, %cst_7 : tensor<8x16xf32>
    %596 = weft.broadcast %595 dims [0, 1] : tensor<8x16xf32> -> tensor<8x16x32xf32>
    %597 = arith.mulf %590, %596 : tensor<8x16x32xf32>
    %598 = arith.subf %592, %597 : tensor<8x16x32xf32>
    %599 = arith.mulf %589, %598 : tensor<8x16x32xf32>
    %600 = arith.mulf %583, %590 : tensor<8x16x32xf32>
    %601 = weft.reduce sum %600 dims [0, 1] : tensor<8x16x32xf32> -> tensor<32xf32>
    %602 = arith.mulf %601, %601 : tensor<32xf32>
    %603 = weft.reduce sum %602 dims [0] : tensor<32xf32> -> tensor<f32>
    %604 = arith.extf %603 : tensor<f32> to tensor<f64>
    %605 = arith.addf %539, %599 : tensor<8x16x32xf32>
    %606 = weft.scatter_add %605[%arg0] axis 0 : tensor<8x16x32xf32>, tensor<8x16xi64> -> tensor<64x32xf32>
    %607 = arith.mulf %606, %606 : tensor<64x32xf32>
    %608 = weft.reduce sum %607 dims [1] : tensor<64x32xf32> -> tensor<64xf32>
    %609 = arith.extf %608 : tensor<64xf32> to tensor<64xf64>
    %610 = weft.reduce sum %609 dims [0] : tensor<64xf64> -> tensor<f64>
    weft.write @loss_sum, %161 : tensor<f64>
    weft.write @loss_count, %163 : tensor<f64>
    %611 = weft.read @hyper : tensor<16xf64>
    %612 = weft.read @step : tensor<i64>
    %613 = arith.cmpf olt, %cst_2, %163 : tensor<f64>
    %614 = arith.select %613, %163, %cst_1 : tensor<i1>, tensor<f64>
    %615 = arith.addf %189, %210 : tensor<f64>
    %616 = arith.addf %615, %226 : tensor<f64>
    %617 = arith.addf %616, %241 : tensor<f64>
    %618 = arith.addf %617, %262 : tensor<f64>
    %619 = arith.addf %618, %286 : tensor<f64>
    %620 = arith.addf %619, %293 : tensor<f64>
    %621 = arith.addf %620, %301 : tensor<f64>
    %622 = arith.addf %621, %317 : tensor<f64>
    %623 = arith.addf %622, %341 : tensor<f64>
    %624 = arith.addf %623, %348 : tensor<f64>
    %625 = arith.addf %624, %356 : tensor<f64>
    %626 = arith.addf %625, %362 : tensor<f64>
    %627 = arith.addf %626, %367 : tensor<f64>
    %628 = arith.addf %627, %373 : tensor<f64>
    %629 = arith.addf %628, %379 : tensor<f64>
    %630 = arith.addf %629, %385 : tensor<f64>
    %631 = arith.addf %630, %407 : tensor<f64>
    %632 = arith.addf %631, %424 : tensor<f64>
    %633 = arith.addf %632, %439 : tensor<f64>
    %634 = arith.addf %633, %460 : tensor<f64>
    %635 = arith.addf %634, %483 : tensor<f64>
    %636 = arith.addf %635, %490 : tensor<f64>
    %637 = arith.addf %636, %498 : tensor<f64>
    %638 = arith.addf %637, %514 : tensor<f64>
    %639 = arith.addf %638, %538 : tensor<f64>
    %640 = arith.addf %639, %545 : tensor<f64>
    %641 = arith.addf %640, %553 : tensor<f64>
    %642 = arith.addf %641, %559 : tensor<f64>
    %643 = arith.addf %642, %564 : tensor<f64>
    %644 = arith.addf %643, %570 : tensor<f64>
    %645 = arith.addf %644, %576 : tensor<f64>
    %646 = arith.addf %645, %582 : tensor<f64>
    %647 = arith.addf %646, %604 : tensor<f64>
    %648 = arith.addf %647, %610 : tensor<f64>
    %649 = math.sqrt %648 : tensor<f64>
    %650 = arith.divf %649, %614 : tensor<f64>
    %651 = weft.slice %611 offsets [9] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %652 = weft.reshape %651 : tensor<1xf64> -> tensor<f64>
    %653 = arith.addf %650, %cst_0 : tensor<f64>
    %654 = arith.divf %652, %653 : tensor<f64>
    %655 = arith.minimumf %654, %cst_1 : tensor<f64>
    %656 = arith.cmpf olt, %cst_2, %652 : tensor<f64>
    %657 = arith.select %656, %655, %cst_1 : tensor<i1>, tensor<f64>
    %658 = weft.slice %611 offsets [10] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %659 = weft.reshape %658 : tensor<1xf64> -> tensor<f64>
    %660 = arith.divf %657, %614 : tensor<f64>
    %661 = arith.mulf %660, %659 : tensor<f64>
    %662 = weft.learning_rate %612, %611 : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
    %663 = weft.read @"adamw.m/model.lm_head.weight" : tensor<64x32xf32>
    %664 = weft.read @"adamw.v/model.lm_head.weight" : tensor<64x32xf32>
    %newParam, %newM, %newV = weft.adam %34, %185, %663, %664 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>)
    weft.write @model.lm_head.weight, %newParam : tensor<64x32xf32>
    weft.write @"adamw.m/model.lm_head.weight", %newM : tensor<64x32xf32>
    weft.write @"adamw.v/model.lm_head.weight", %newV : tensor<64x32xf32>
    %665 = weft.read @"adamw.m/model.model.norm.weight" : tensor<32xf32>
    %666 = weft.read @"adamw.v/model.model.norm.weight" : tensor<32xf32>
    %newParam_22, %newM_23, %newV_24 = weft.adam %33, %207, %665, %666 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.norm.weight, %newParam_22 : tensor<32xf32>
    weft.write @"adamw.m/model.model.norm.weight", %newM_23 : tensor<32xf32>
    weft.write @"adamw.v/model.model.norm.weight", %newV_24 : tensor<32xf32>
    %667 = weft.read @"adamw.m/model.model.layers.1.mlp.shared_expert_gate.weight" : tensor<1x32xf32>
    %668 = weft.read @"adamw.v/model.model.layers.1.mlp.shared_expert_gate.weight" : tensor<1x32xf32>
    %newParam_25, %newM_26, %newV_27 = weft.adam %32, %222, %667, %668 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>)
    weft.write @model.model.layers.1.mlp.shared_expert_gate.weight, %newParam_25 : tensor<1x32xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.shared_expert_gate.weight", %newM_26 : tensor<1x32xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.shared_expert_gate.weight", %newV_27 : tensor<1x32xf32>
    %669 = weft.read @"adamw.m/model.model.layers.1.mlp.experts.down_proj" : tensor<4x32x16xf32>
    %670 = weft.read @"adamw.v/model.model.layers.1.mlp.experts.down_proj" : tensor<4x32x16xf32>
    %newParam_28, %newM_29, %newV_30 = weft.adam %31, %237, %669, %670 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>)
    weft.write @model.model.layers.1.mlp.experts.down_proj, %newParam_28 : tensor<4x32x16xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.experts.down_proj", %newM_29 : tensor<4x32x16xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.experts.down_proj", %newV_30 : tensor<4x32x16xf32>
    %671 = weft.read @"adamw.m/model.model.layers.1.mlp.experts.gate_up_proj" : tensor<4x32x32xf32>
    %672 = weft.read @"adamw.v/model.model.layers.1.mlp.experts.gate_up_proj" : tensor<4x32x32xf32>
    %newParam_31, %newM_32, %newV_33 = weft.adam %30, %258, %671, %672 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>)
    weft.write @model.model.layers.1.mlp.experts.gate_up_proj, %newParam_31 : tensor<4x32x32xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.experts.gate_up_proj", %newM_32 : tensor<4x32x32xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.experts.gate_up_proj", %newV_33 : tensor<4x32x32xf32>
    %673 = weft.read @"adamw.m/model.model.layers.1.mlp.gate.weight" : tensor<4x32xf32>
    %674 = weft.read @"adamw.v/model.model.layers.1.mlp.gate.weight" : tensor<4x32xf32>
    %newParam_34, %newM_35, %newV_36 = weft.adam %29, %282, %673, %674 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>)
    weft.write @model.model.layers.1.mlp.gate.weight, %newParam_34 : tensor<4x32xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.gate.weight", %newM_35 : tensor<4x32xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.gate.weight", %newV_36 : tensor<4x32xf32>
    %675 = weft.read @"adamw.m/model.model.layers.1.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32>
    %676 = weft.read @"adamw.v/model.model.layers.1.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32>
    %newParam_37, %newM_38, %newV_39 = weft.adam %28, %289, %675, %676 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>)
    weft.write @model.model.layers.1.mlp.shared_expert.down_proj.weight, %newParam_37 : tensor<32x24xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.shared_expert.down_proj.weight", %newM_38 : tensor<32x24xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.shared_expert.down_proj.weight", %newV_39 : tensor<32x24xf32>
    %677 = weft.read @"adamw.m/model.model.layers.1.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32>
    %678 = weft.read @"adamw.v/model.model.layers.1.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32>
    %newParam_40, %newM_41, %newV_42 = weft.adam %27, %297, %677, %678 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>)
    weft.write @model.model.layers.1.mlp.shared_expert.up_proj.weight, %newParam_40 : tensor<24x32xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.shared_expert.up_proj.weight", %newM_41 : tensor<24x32xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.shared_expert.up_proj.weight", %newV_42 : tensor<24x32xf32>
    %679 = weft.read @"adamw.m/model.model.layers.1.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32>
    %680 = weft.read @"adamw.v/model.model.layers.1.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32>
    %newParam_43, %newM_44, %newV_45 = weft.adam %26, %313, %679, %680 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>)
    weft.write @model.model.layers.1.mlp.shared_expert.gate_proj.weight, %newParam_43 : tensor<24x32xf32>
    weft.write @"adamw.m/model.model.layers.1.mlp.shared_expert.gate_proj.weight", %newM_44 : tensor<24x32xf32>
    weft.write @"adamw.v/model.model.layers.1.mlp.shared_expert.gate_proj.weight", %newV_45 : tensor<24x32xf32>
    %681 = weft.read @"adamw.m/model.model.layers.1.post_attention_layernorm.weight" : tensor<32xf32>
    %682 = weft.read @"adamw.v/model.model.layers.1.post_attention_layernorm.weight" : tensor<32xf32>
    %newParam_46, %newM_47, %newV_48 = weft.adam %25, %338, %681, %682 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.1.post_attention_layernorm.weight, %newParam_46 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.1.post_attention_layernorm.weight", %newM_47 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.1.post_attention_layernorm.weight", %newV_48 : tensor<32xf32>
    %683 = weft.read @"adamw.m/model.model.layers.1.self_attn.o_proj.weight" : tensor<32x32xf32>
    %684 = weft.read @"adamw.v/model.model.layers.1.self_attn.o_proj.weight" : tensor<32x32xf32>
    %newParam_49, %newM_50, %newV_51 = weft.adam %24, %344, %683, %684 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>)
    weft.write @model.model.layers.1.self_attn.o_proj.weight, %newParam_49 : tensor<32x32xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.o_proj.weight", %newM_50 : tensor<32x32xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.o_proj.weight", %newV_51 : tensor<32x32xf32>
    %685 = weft.read @"adamw.m/model.model.layers.1.self_attn.v_proj.bias" : tensor<16xf32>
    %686 = weft.read @"adamw.v/model.model.layers.1.self_attn.v_proj.bias" : tensor<16xf32>
    %newParam_52, %newM_53, %newV_54 = weft.adam %23, %353, %685, %686 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @model.model.layers.1.self_attn.v_proj.bias, %newParam_52 : tensor<16xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.v_proj.bias", %newM_53 : tensor<16xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.v_proj.bias", %newV_54 : tensor<16xf32>
    %687 = weft.read @"adamw.m/model.model.layers.1.self_attn.v_proj.weight" : tensor<16x32xf32>
    %688 = weft.read @"adamw.v/model.model.layers.1.self_attn.v_proj.weight" : tensor<16x32xf32>
    %newParam_55, %newM_56, %newV_57 = weft.adam %22, %358, %687, %688 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>)
    weft.write @model.model.layers.1.self_attn.v_proj.weight, %newParam_55 : tensor<16x32xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.v_proj.weight", %newM_56 : tensor<16x32xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.v_proj.weight", %newV_57 : tensor<16x32xf32>
    %689 = weft.read @"adamw.m/model.model.layers.1.self_attn.k_proj.bias" : tensor<16xf32>
    %690 = weft.read @"adamw.v/model.model.layers.1.self_attn.k_proj.bias" : tensor<16xf32>
    %newParam_58, %newM_59, %newV_60 = weft.adam %21, %364, %689, %690 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @model.model.layers.1.self_attn.k_proj.bias, %newParam_58 : tensor<16xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.k_proj.bias", %newM_59 : tensor<16xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.k_proj.bias", %newV_60 : tensor<16xf32>
    %691 = weft.read @"adamw.m/model.model.layers.1.self_attn.k_proj.weight" : tensor<16x32xf32>
    %692 = weft.read @"adamw.v/model.model.layers.1.self_attn.k_proj.weight" : tensor<16x32xf32>
    %newParam_61, %newM_62, %newV_63 = weft.adam %20, %369, %691, %692 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>)
    weft.write @model.model.layers.1.self_attn.k_proj.weight, %newParam_61 : tensor<16x32xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.k_proj.weight", %newM_62 : tensor<16x32xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.k_proj.weight", %newV_63 : tensor<16x32xf32>
    %693 = weft.read @"adamw.m/model.model.layers.1.self_attn.q_proj.bias" : tensor<32xf32>
    %694 = weft.read @"adamw.v/model.model.layers.1.self_attn.q_proj.bias" : tensor<32xf32>
    %newParam_64, %newM_65, %newV_66 = weft.adam %19, %376, %693, %694 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.1.self_attn.q_proj.bias, %newParam_64 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.q_proj.bias", %newM_65 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.q_proj.bias", %newV_66 : tensor<32xf32>
    %695 = weft.read @"adamw.m/model.model.layers.1.self_attn.q_proj.weight" : tensor<32x32xf32>
    %696 = weft.read @"adamw.v/model.model.layers.1.self_attn.q_proj.weight" : tensor<32x32xf32>
    %newParam_67, %newM_68, %newV_69 = weft.adam %18, %381, %695, %696 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>)
    weft.write @model.model.layers.1.self_attn.q_proj.weight, %newParam_67 : tensor<32x32xf32>
    weft.write @"adamw.m/model.model.layers.1.self_attn.q_proj.weight", %newM_68 : tensor<32x32xf32>
    weft.write @"adamw.v/model.model.layers.1.self_attn.q_proj.weight", %newV_69 : tensor<32x32xf32>
    %697 = weft.read @"adamw.m/model.model.layers.1.input_layernorm.weight" : tensor<32xf32>
    %698 = weft.read @"adamw.v/model.model.layers.1.input_layernorm.weight" : tensor<32xf32>
    %newParam_70, %newM_71, %newV_72 = weft.adam %17, %404, %697, %698 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.1.input_layernorm.weight, %newParam_70 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.1.input_layernorm.weight", %newM_71 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.1.input_layernorm.weight", %newV_72 : tensor<32xf32>
    %699 = weft.read @"adamw.m/model.model.layers.0.mlp.shared_expert_gate.weight" : tensor<1x32xf32>
    %700 = weft.read @"adamw.v/model.model.layers.0.mlp.shared_expert_gate.weight" : tensor<1x32xf32>
    %newParam_73, %newM_74, %newV_75 = weft.adam %16, %420, %699, %700 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<1x32xf32>, tensor<1x32xf32>, tensor<1x32xf32>)
    weft.write @model.model.layers.0.mlp.shared_expert_gate.weight, %newParam_73 : tensor<1x32xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.shared_expert_gate.weight", %newM_74 : tensor<1x32xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.shared_expert_gate.weight", %newV_75 : tensor<1x32xf32>
    %701 = weft.read @"adamw.m/model.model.layers.0.mlp.experts.down_proj" : tensor<4x32x16xf32>
    %702 = weft.read @"adamw.v/model.model.layers.0.mlp.experts.down_proj" : tensor<4x32x16xf32>
    %newParam_76, %newM_77, %newV_78 = weft.adam %15, %435, %701, %702 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32x16xf32>, tensor<4x32x16xf32>, tensor<4x32x16xf32>)
    weft.write @model.model.layers.0.mlp.experts.down_proj, %newParam_76 : tensor<4x32x16xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.experts.down_proj", %newM_77 : tensor<4x32x16xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.experts.down_proj", %newV_78 : tensor<4x32x16xf32>
    %703 = weft.read @"adamw.m/model.model.layers.0.mlp.experts.gate_up_proj" : tensor<4x32x32xf32>
    %704 = weft.read @"adamw.v/model.model.layers.0.mlp.experts.gate_up_proj" : tensor<4x32x32xf32>
    %newParam_79, %newM_80, %newV_81 = weft.adam %14, %456, %703, %704 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32x32xf32>, tensor<4x32x32xf32>, tensor<4x32x32xf32>)
    weft.write @model.model.layers.0.mlp.experts.gate_up_proj, %newParam_79 : tensor<4x32x32xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.experts.gate_up_proj", %newM_80 : tensor<4x32x32xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.experts.gate_up_proj", %newV_81 : tensor<4x32x32xf32>
    %705 = weft.read @"adamw.m/model.model.layers.0.mlp.gate.weight" : tensor<4x32xf32>
    %706 = weft.read @"adamw.v/model.model.layers.0.mlp.gate.weight" : tensor<4x32xf32>
    %newParam_82, %newM_83, %newV_84 = weft.adam %13, %479, %705, %706 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4x32xf32>, tensor<4x32xf32>, tensor<4x32xf32>)
    weft.write @model.model.layers.0.mlp.gate.weight, %newParam_82 : tensor<4x32xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.gate.weight", %newM_83 : tensor<4x32xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.gate.weight", %newV_84 : tensor<4x32xf32>
    %707 = weft.read @"adamw.m/model.model.layers.0.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32>
    %708 = weft.read @"adamw.v/model.model.layers.0.mlp.shared_expert.down_proj.weight" : tensor<32x24xf32>
    %newParam_85, %newM_86, %newV_87 = weft.adam %12, %486, %707, %708 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x24xf32>, tensor<32x24xf32>, tensor<32x24xf32>)
    weft.write @model.model.layers.0.mlp.shared_expert.down_proj.weight, %newParam_85 : tensor<32x24xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.shared_expert.down_proj.weight", %newM_86 : tensor<32x24xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.shared_expert.down_proj.weight", %newV_87 : tensor<32x24xf32>
    %709 = weft.read @"adamw.m/model.model.layers.0.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32>
    %710 = weft.read @"adamw.v/model.model.layers.0.mlp.shared_expert.up_proj.weight" : tensor<24x32xf32>
    %newParam_88, %newM_89, %newV_90 = weft.adam %11, %494, %709, %710 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>)
    weft.write @model.model.layers.0.mlp.shared_expert.up_proj.weight, %newParam_88 : tensor<24x32xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.shared_expert.up_proj.weight", %newM_89 : tensor<24x32xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.shared_expert.up_proj.weight", %newV_90 : tensor<24x32xf32>
    %711 = weft.read @"adamw.m/model.model.layers.0.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32>
    %712 = weft.read @"adamw.v/model.model.layers.0.mlp.shared_expert.gate_proj.weight" : tensor<24x32xf32>
    %newParam_91, %newM_92, %newV_93 = weft.adam %10, %510, %711, %712 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<24x32xf32>, tensor<24x32xf32>, tensor<24x32xf32>)
    weft.write @model.model.layers.0.mlp.shared_expert.gate_proj.weight, %newParam_91 : tensor<24x32xf32>
    weft.write @"adamw.m/model.model.layers.0.mlp.shared_expert.gate_proj.weight", %newM_92 : tensor<24x32xf32>
    weft.write @"adamw.v/model.model.layers.0.mlp.shared_expert.gate_proj.weight", %newV_93 : tensor<24x32xf32>
    %713 = weft.read @"adamw.m/model.model.layers.0.post_attention_layernorm.weight" : tensor<32xf32>
    %714 = weft.read @"adamw.v/model.model.layers.0.post_attention_layernorm.weight" : tensor<32xf32>
    %newParam_94, %newM_95, %newV_96 = weft.adam %9, %535, %713, %714 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.0.post_attention_layernorm.weight, %newParam_94 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.0.post_attention_layernorm.weight", %newM_95 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.0.post_attention_layernorm.weight", %newV_96 : tensor<32xf32>
    %715 = weft.read @"adamw.m/model.model.layers.0.self_attn.o_proj.weight" : tensor<32x32xf32>
    %716 = weft.read @"adamw.v/model.model.layers.0.self_attn.o_proj.weight" : tensor<32x32xf32>
    %newParam_97, %newM_98, %newV_99 = weft.adam %8, %541, %715, %716 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>)
    weft.write @model.model.layers.0.self_attn.o_proj.weight, %newParam_97 : tensor<32x32xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.o_proj.weight", %newM_98 : tensor<32x32xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.o_proj.weight", %newV_99 : tensor<32x32xf32>
    %717 = weft.read @"adamw.m/model.model.layers.0.self_attn.v_proj.bias" : tensor<16xf32>
    %718 = weft.read @"adamw.v/model.model.layers.0.self_attn.v_proj.bias" : tensor<16xf32>
    %newParam_100, %newM_101, %newV_102 = weft.adam %7, %550, %717, %718 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @model.model.layers.0.self_attn.v_proj.bias, %newParam_100 : tensor<16xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.v_proj.bias", %newM_101 : tensor<16xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.v_proj.bias", %newV_102 : tensor<16xf32>
    %719 = weft.read @"adamw.m/model.model.layers.0.self_attn.v_proj.weight" : tensor<16x32xf32>
    %720 = weft.read @"adamw.v/model.model.layers.0.self_attn.v_proj.weight" : tensor<16x32xf32>
    %newParam_103, %newM_104, %newV_105 = weft.adam %6, %555, %719, %720 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>)
    weft.write @model.model.layers.0.self_attn.v_proj.weight, %newParam_103 : tensor<16x32xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.v_proj.weight", %newM_104 : tensor<16x32xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.v_proj.weight", %newV_105 : tensor<16x32xf32>
    %721 = weft.read @"adamw.m/model.model.layers.0.self_attn.k_proj.bias" : tensor<16xf32>
    %722 = weft.read @"adamw.v/model.model.layers.0.self_attn.k_proj.bias" : tensor<16xf32>
    %newParam_106, %newM_107, %newV_108 = weft.adam %5, %561, %721, %722 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @model.model.layers.0.self_attn.k_proj.bias, %newParam_106 : tensor<16xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.k_proj.bias", %newM_107 : tensor<16xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.k_proj.bias", %newV_108 : tensor<16xf32>
    %723 = weft.read @"adamw.m/model.model.layers.0.self_attn.k_proj.weight" : tensor<16x32xf32>
    %724 = weft.read @"adamw.v/model.model.layers.0.self_attn.k_proj.weight" : tensor<16x32xf32>
    %newParam_109, %newM_110, %newV_111 = weft.adam %4, %566, %723, %724 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x32xf32>, tensor<16x32xf32>, tensor<16x32xf32>)
    weft.write @model.model.layers.0.self_attn.k_proj.weight, %newParam_109 : tensor<16x32xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.k_proj.weight", %newM_110 : tensor<16x32xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.k_proj.weight", %newV_111 : tensor<16x32xf32>
    %725 = weft.read @"adamw.m/model.model.layers.0.self_attn.q_proj.bias" : tensor<32xf32>
    %726 = weft.read @"adamw.v/model.model.layers.0.self_attn.q_proj.bias" : tensor<32xf32>
    %newParam_112, %newM_113, %newV_114 = weft.adam %3, %573, %725, %726 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.0.self_attn.q_proj.bias, %newParam_112 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.q_proj.bias", %newM_113 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.q_proj.bias", %newV_114 : tensor<32xf32>
    %727 = weft.read @"adamw.m/model.model.layers.0.self_attn.q_proj.weight" : tensor<32x32xf32>
    %728 = weft.read @"adamw.v/model.model.layers.0.self_attn.q_proj.weight" : tensor<32x32xf32>
    %newParam_115, %newM_116, %newV_117 = weft.adam %2, %578, %727, %728 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x32xf32>, tensor<32x32xf32>, tensor<32x32xf32>)
    weft.write @model.model.layers.0.self_attn.q_proj.weight, %newParam_115 : tensor<32x32xf32>
    weft.write @"adamw.m/model.model.layers.0.self_attn.q_proj.weight", %newM_116 : tensor<32x32xf32>
    weft.write @"adamw.v/model.model.layers.0.self_attn.q_proj.weight", %newV_117 : tensor<32x32xf32>
    %729 = weft.read @"adamw.m/model.model.layers.0.input_layernorm.weight" : tensor<32xf32>
    %730 = weft.read @"adamw.v/model.model.layers.0.input_layernorm.weight" : tensor<32xf32>
    %newParam_118, %newM_119, %newV_120 = weft.adam %1, %601, %729, %730 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32xf32>, tensor<32xf32>, tensor<32xf32>)
    weft.write @model.model.layers.0.input_layernorm.weight, %newParam_118 : tensor<32xf32>
    weft.write @"adamw.m/model.model.layers.0.input_layernorm.weight", %newM_119 : tensor<32xf32>
    weft.write @"adamw.v/model.model.layers.0.input_layernorm.weight", %newV_120 : tensor<32xf32>
    %731 = weft.read @"adamw.m/model.model.embed_tokens.weight" : tensor<64x32xf32>
    %732 = weft.read @"adamw.v/model.model.embed_tokens.weight" : tensor<64x32xf32>
    %newParam_121, %newM_122, %newV_123 = weft.adam %0, %606, %731, %732 scale %661 lr %662 step %612 hyper %611 decay decoupled : (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64x32xf32>, tensor<64x32xf32>, tensor<64x32xf32>)
    weft.write @model.model.embed_tokens.weight, %newParam_121 : tensor<64x32xf32>
    weft.write @"adamw.m/model.model.embed_tokens.weight", %newM_122 : tensor<64x32xf32>
    weft.write @"adamw.v/model.model.embed_tokens.weight", %newV_123 : tensor<64x32xf32>
    weft.write @grad_norm, %650 : tensor<f64>
    weft.write @lr, %662 : tensor<f64>
    %733 = arith.addi %612, %cst : tensor<i64>
    weft.write @step, %733 : tensor<i64>
    return
  }
  func.func @task_eval(%arg0: tensor<8x16xi64> {weft.limit = 64 : i64, weft.name = "input_ids", weft.role = "tokens"}, %arg1: tensor<8x16xi64> {weft.ignore = -100 : i64, weft.limit = 64 : i64, weft.name = "labels", weft.role = "labels"}) {
    %cst = arith.constant dense<-100> : tensor<8x16xi64>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<128x1xf32>
    %cst_1 = arith.constant dense_resource<__elided__> : tensor<16x8xf32>
    %cst_2 = arith.constant dense_resource<__elided__> : tensor<16x8xf32>
    %0 = weft.read @model.model.embed_tokens.weight : tensor<64x32xf32>
    %1 = weft.read @model.model.layers.0.input_layernorm.weight : tensor<32xf32>
    %2 = weft.read @model.model.layers.0.self_attn.q_proj.weight : tensor<32x32xf32>
    %3 = weft.read @model.model.layers.0.self_attn.q_proj.bias : tensor<32xf32>
    %4 = weft.read @model.model.layers.0.self_attn.k_proj.weight : tensor<16x32xf32>
    %5 = weft.read @model.model.layers.0.self_attn.k_proj.bias : tensor<16xf32>
    %6 = weft.read @model.model.layers.0.self_attn.v_proj.weight : tensor<16x32xf32>
    %7 = weft.read @model.model.layers.0.self_attn.v_proj.bias : tensor<16xf32>
    %8 = weft.read @model.model.layers.0.self_attn.o_proj.weight : tensor<32x32xf32>
    %9 = weft.read @model.model.layers.0.post_attention_layernorm.weight : tensor<32xf32>
    %10 = weft.read @model.model.layers.0.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32>
    %11 = weft.read @model.model.layers.0.mlp.shared_expert.up_proj.weight : tensor<24x32xf32>
    %12 = weft.read @model.model.layers.0.mlp.shared_expert.down_proj.weight : tensor<32x24xf32>
    %13 = weft.read @model.model.layers.0.mlp.gate.weight : tensor<4x32xf32>
    %14 = weft.read @model.model.layers.0.mlp.experts.gate_up_proj : tensor<4x32x32xf32>
    %15 = weft.read @model.model.layers.0.mlp.experts.down_proj : tensor<4x32x16xf32>
    %16 = weft.read @model.model.layers.0.mlp.shared_expert_gate.weight : tensor<1x32xf32>
    %17 = weft.read @model.model.layers.1.input_layernorm.weight : tensor<32xf32>
    %18 = weft.read @model.model.layers.1.self_attn.q_proj.weight : tensor<32x32xf32>
    %19 = weft.read @model.model.layers.1.self_attn.q_proj.bias : tensor<32xf32>
    %20 = weft.read @model.model.layers.1.self_attn.k_proj.weight : tensor<16x32xf32>
    %21 = weft.read @model.model.layers.1.self_attn.k_proj.bias : tensor<16xf32>
    %22 = weft.read @model.model.layers.1.self_attn.v_proj.weight : tensor<16x32xf32>
    %23 = weft.read @model.model.layers.1.self_attn.v_proj.bias : tensor<16xf32>
    %24 = weft.read @model.model.layers.1.self_attn.o_proj.weight : tensor<32x32xf32>
    %25 = weft.read @model.model.layers.1.post_attention_layernorm.weight : tensor<32xf32>
    %26 = weft.read @model.model.layers.1.mlp.shared_expert.gate_proj.weight : tensor<24x32xf32>
    %27 = weft.read @model.model.layers.1.mlp.shared_expert.up_proj.weight : tensor<24x32xf32>
    %28 = weft.read @model.model.layers.1.mlp.shared_expert.down_proj.weight : tensor<32x24xf32>
    %29 = weft.read @model.model.layers.1.mlp.gate.weight : tensor<4x32xf32>
    %30 = weft.read @model.model.layers.1.mlp.experts.gate_up_proj : tensor<4x32x32xf32>
    %31 = weft.read @model.model.layers.1.mlp.experts.down_proj : tensor<4x32x16xf32>
    %32 = weft.read @model.model.layers.1.mlp.shared_expert_gate.weight : tensor<1x32xf32>
    %33 = weft.read @model.model.norm.weight : tensor<32xf32>
    %34 = weft.read @model.lm_head.weight : tensor<64x32xf32>
    %35 = weft.gather %0[%arg0] axis 0 : tensor<64x32xf32>, tensor<8x16xi64> -> tensor<8x16x32xf32>
    %36 = weft.rms_norm %35 gamma %1 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %37 = weft.dot_general %36, %2 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %38 = weft.broadcast %3 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %39 = arith.addf %37, %38 : tensor<8x16x32xf32>
    %40 = weft.reshape %39 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %41 = weft.dot_general %36, %4 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %42 = weft.broadcast %5 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %43 = arith.addf %41, %42 : tensor<8x16x16xf32>
    %44 = weft.reshape %43 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %45 = weft.dot_general %36, %6 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %46 = weft.broadcast %7 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %47 = arith.addf %45, %46 : tensor<8x16x16xf32>
    %48 = weft.rotary %40 cos %cst_1 sin %cst_2 : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %49 = weft.rotary %44 cos %cst_1 sin %cst_2 : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %50 = weft.reshape %47 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %out, %lse = weft.attention %48, %49, %50 scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x4x16xf32>)
    %51 = weft.reshape %out : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %52 = weft.dot_general %51, %8 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %53 = arith.addf %35, %52 : tensor<8x16x32xf32>
    %54 = weft.rms_norm %53 gamma %9 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %55 = weft.reshape %54 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %56 = weft.dot_general %55, %10 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %57 = weft.silu %56 : tensor<128x24xf32> -> tensor<128x24xf32>
    %58 = weft.dot_general %55, %11 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %59 = arith.mulf %57, %58 : tensor<128x24xf32>
    %60 = weft.dot_general %59, %12 batch [] x [] contract [1] x [1] : tensor<128x24xf32>, tensor<32x24xf32> -> tensor<128x32xf32>
    %61 = weft.dot_general %55, %13 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<4x32xf32> -> tensor<128x4xf32>
    %62 = weft.softmax %61 : tensor<128x4xf32> -> tensor<128x4xf32>
    %values, %indices = weft.top_k %62 axis 1 : tensor<128x4xf32> -> tensor<128x2xf32>, tensor<128x2xi64>
    %63 = weft.reduce sum %values dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %64 = weft.broadcast %63 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %65 = arith.divf %values, %64 : tensor<128x2xf32>
    %66 = weft.broadcast %55 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %67 = weft.reshape %indices : tensor<128x2xi64> -> tensor<256xi64>
    %68 = weft.gather %14[%67] axis 0 : tensor<4x32x32xf32>, tensor<256xi64> -> tensor<256x32x32xf32>
    %69 = weft.reshape %66 : tensor<128x2x32xf32> -> tensor<256x32x1xf32>
    %70 = weft.dot_general %68, %69 batch [0] x [0] contract [2] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %71 = weft.reshape %70 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %72 = weft.slice %71 offsets [0, 0] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %73 = weft.slice %71 offsets [0, 16] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %74 = weft.silu %72 : tensor<256x16xf32> -> tensor<256x16xf32>
    %75 = arith.mulf %74, %73 : tensor<256x16xf32>
    %76 = weft.gather %15[%67] axis 0 : tensor<4x32x16xf32>, tensor<256xi64> -> tensor<256x32x16xf32>
    %77 = weft.reshape %75 : tensor<256x16xf32> -> tensor<256x16x1xf32>
    %78 = weft.dot_general %76, %77 batch [0] x [0] contract [2] x [1] : tensor<256x32x16xf32>, tensor<256x16x1xf32> -> tensor<256x32x1xf32>
    %79 = weft.reshape %78 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %80 = weft.reshape %65 : tensor<128x2xf32> -> tensor<256xf32>
    %81 = weft.broadcast %80 dims [0] : tensor<256xf32> -> tensor<256x32xf32>
    %82 = arith.mulf %79, %81 : tensor<256x32xf32>
    %83 = weft.reshape %82 : tensor<256x32xf32> -> tensor<128x2x32xf32>
    %84 = weft.reduce sum %83 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %85 = weft.dot_general %55, %16 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<1x32xf32> -> tensor<128x1xf32>
    %86 = arith.negf %85 : tensor<128x1xf32>
    %87 = math.exp %86 : tensor<128x1xf32>
    %88 = arith.addf %87, %cst_0 : tensor<128x1xf32>
    %89 = arith.divf %cst_0, %88 : tensor<128x1xf32>
    %90 = weft.reshape %89 : tensor<128x1xf32> -> tensor<128xf32>
    %91 = weft.broadcast %90 dims [0] : tensor<128xf32> -> tensor<128x32xf32>
    %92 = arith.mulf %91, %60 : tensor<128x32xf32>
    %93 = arith.addf %84, %92 : tensor<128x32xf32>
    %94 = weft.reshape %93 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %95 = arith.addf %53, %94 : tensor<8x16x32xf32>
    %96 = weft.rms_norm %95 gamma %17 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %97 = weft.dot_general %96, %18 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %98 = weft.broadcast %19 dims [2] : tensor<32xf32> -> tensor<8x16x32xf32>
    %99 = arith.addf %97, %98 : tensor<8x16x32xf32>
    %100 = weft.reshape %99 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
    %101 = weft.dot_general %96, %20 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %102 = weft.broadcast %21 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %103 = arith.addf %101, %102 : tensor<8x16x16xf32>
    %104 = weft.reshape %103 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %105 = weft.dot_general %96, %22 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<16x32xf32> -> tensor<8x16x16xf32>
    %106 = weft.broadcast %23 dims [2] : tensor<16xf32> -> tensor<8x16x16xf32>
    %107 = arith.addf %105, %106 : tensor<8x16x16xf32>
    %108 = weft.rotary %100 cos %cst_1 sin %cst_2 : (tensor<8x16x4x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x4x8xf32>
    %109 = weft.rotary %104 cos %cst_1 sin %cst_2 : (tensor<8x16x2x8xf32>, tensor<16x8xf32>, tensor<16x8xf32>) -> tensor<8x16x2x8xf32>
    %110 = weft.reshape %107 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
    %out_3, %lse_4 = weft.attention %108, %109, %110 scale 0.35355338454246521 causal : (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x4x16xf32>)
    %111 = weft.reshape %out_3 : tensor<8x16x4x8xf32> -> tensor<8x16x32xf32>
    %112 = weft.dot_general %111, %24 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
    %113 = arith.addf %95, %112 : tensor<8x16x32xf32>
    %114 = weft.rms_norm %113 gamma %25 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %115 = weft.reshape %114 : tensor<8x16x32xf32> -> tensor<128x32xf32>
    %116 = weft.dot_general %115, %26 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %117 = weft.silu %116 : tensor<128x24xf32> -> tensor<128x24xf32>
    %118 = weft.dot_general %115, %27 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<24x32xf32> -> tensor<128x24xf32>
    %119 = arith.mulf %117, %118 : tensor<128x24xf32>
    %120 = weft.dot_general %119, %28 batch [] x [] contract [1] x [1] : tensor<128x24xf32>, tensor<32x24xf32> -> tensor<128x32xf32>
    %121 = weft.dot_general %115, %29 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<4x32xf32> -> tensor<128x4xf32>
    %122 = weft.softmax %121 : tensor<128x4xf32> -> tensor<128x4xf32>
    %values_5, %indices_6 = weft.top_k %122 axis 1 : tensor<128x4xf32> -> tensor<128x2xf32>, tensor<128x2xi64>
    %123 = weft.reduce sum %values_5 dims [1] : tensor<128x2xf32> -> tensor<128xf32>
    %124 = weft.broadcast %123 dims [0] : tensor<128xf32> -> tensor<128x2xf32>
    %125 = arith.divf %values_5, %124 : tensor<128x2xf32>
    %126 = weft.broadcast %115 dims [0, 2] : tensor<128x32xf32> -> tensor<128x2x32xf32>
    %127 = weft.reshape %indices_6 : tensor<128x2xi64> -> tensor<256xi64>
    %128 = weft.gather %30[%127] axis 0 : tensor<4x32x32xf32>, tensor<256xi64> -> tensor<256x32x32xf32>
    %129 = weft.reshape %126 : tensor<128x2x32xf32> -> tensor<256x32x1xf32>
    %130 = weft.dot_general %128, %129 batch [0] x [0] contract [2] x [1] : tensor<256x32x32xf32>, tensor<256x32x1xf32> -> tensor<256x32x1xf32>
    %131 = weft.reshape %130 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %132 = weft.slice %131 offsets [0, 0] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %133 = weft.slice %131 offsets [0, 16] strides [1, 1] : tensor<256x32xf32> -> tensor<256x16xf32>
    %134 = weft.silu %132 : tensor<256x16xf32> -> tensor<256x16xf32>
    %135 = arith.mulf %134, %133 : tensor<256x16xf32>
    %136 = weft.gather %31[%127] axis 0 : tensor<4x32x16xf32>, tensor<256xi64> -> tensor<256x32x16xf32>
    %137 = weft.reshape %135 : tensor<256x16xf32> -> tensor<256x16x1xf32>
    %138 = weft.dot_general %136, %137 batch [0] x [0] contract [2] x [1] : tensor<256x32x16xf32>, tensor<256x16x1xf32> -> tensor<256x32x1xf32>
    %139 = weft.reshape %138 : tensor<256x32x1xf32> -> tensor<256x32xf32>
    %140 = weft.reshape %125 : tensor<128x2xf32> -> tensor<256xf32>
    %141 = weft.broadcast %140 dims [0] : tensor<256xf32> -> tensor<256x32xf32>
    %142 = arith.mulf %139, %141 : tensor<256x32xf32>
    %143 = weft.reshape %142 : tensor<256x32xf32> -> tensor<128x2x32xf32>
    %144 = weft.reduce sum %143 dims [1] : tensor<128x2x32xf32> -> tensor<128x32xf32>
    %145 = weft.dot_general %115, %32 batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<1x32xf32> -> tensor<128x1xf32>
    %146 = arith.negf %145 : tensor<128x1xf32>
    %147 = math.exp %146 : tensor<128x1xf32>
    %148 = arith.addf %147, %cst_0 : tensor<128x1xf32>
    %149 = arith.divf %cst_0, %148 : tensor<128x1xf32>
    %150 = weft.reshape %149 : tensor<128x1xf32> -> tensor<128xf32>
    %151 = weft.broadcast %150 dims [0] : tensor<128xf32> -> tensor<128x32xf32>
    %152 = arith.mulf %151, %120 : tensor<128x32xf32>
    %153 = arith.addf %144, %152 : tensor<128x32xf32>
    %154 = weft.reshape %153 : tensor<128x32xf32> -> tensor<8x16x32xf32>
    %155 = arith.addf %113, %154 : tensor<8x16x32xf32>
    %156 = weft.rms_norm %155 gamma %33 eps 9.9999999747524271E-7 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
    %157 = weft.dot_general %156, %34 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<64x32xf32> -> tensor<8x16x64xf32>
    %158 = weft.cross_entropy %157, %arg1 : tensor<8x16x64xf32>, tensor<8x16xi64> -> tensor<8x16xf32>
    %159 = arith.cmpi ne, %arg1, %cst : tensor<8x16xi64>
    %160 = arith.extf %158 : tensor<8x16xf32> to tensor<8x16xf64>
    %161 = weft.reduce sum %160 dims [0, 1] : tensor<8x16xf64> -> tensor<f64>
    %162 = arith.uitofp %159 : tensor<8x16xi1> to tensor<8x16xf64>
    %163 = weft.reduce sum %162 dims [0, 1] : tensor<8x16xf64> -> tensor<f64>
    weft.write @eval_loss_sum, %161 : tensor<f64>
    weft.write @eval_loss_count, %163 : tensor<f64>
    return
  }
}
